//! Logs, metrics and traces.

mod log;
pub(crate) mod metrics;
pub mod spans;
pub mod trace_context;

pub use log::{DEFAULT_FILTER, JsonLines, LogGuard, LogWriter, start, start_with_layer};
pub use metrics::Metrics;
