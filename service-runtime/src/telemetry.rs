//! Logs: for people on a terminal, one JSON object per line otherwise. `RUST_LOG` chooses what is told, `info` by
//! default.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{EnvFilter, fmt::time::ChronoUtc};

/// Starts logging for the whole process, to standard error. A second call changes nothing.
pub fn start() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_timer(ChronoUtc::rfc_3339())
        .with_writer(stderr);
    let started = if stderr().is_terminal() {
        builder.with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
    // Whoever started logging first decided how.
    drop(started);
}
