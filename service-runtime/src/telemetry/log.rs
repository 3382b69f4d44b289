//! Logs to standard error: human-readable on a terminal, one JSON object per line otherwise. `RUST_LOG` sets the
//! filter, `info` by default. The filter is global, so tracing caches its decision per call site instead of evaluating
//! it per event.

mod json_lines;
mod log_writer;

use std::{
    io::{IsTerminal, stderr},
    panic,
};

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt::time::ChronoUtc, layer::SubscriberExt, registry::LookupSpan,
    util::SubscriberInitExt,
};

pub use json_lines::JsonLines;
pub use log_writer::LogWriter;

/// Filter without a valid `RUST_LOG`.
pub const DEFAULT_FILTER: &str = "info,actix_server=warn";

/// Starts logging for the process. Later calls have no effect.
pub fn start() -> LogGuard {
    let log_writer = standard_error();
    let lines = lines(log_writer.as_ref());
    LogGuard::new(
        log_writer,
        tracing_subscriber::registry().with(filter(DEFAULT_FILTER)).with(lines).try_init().is_ok(),
    )
}

/// The same, with `default_filter` in place of [`DEFAULT_FILTER`], and an additional layer that has its own filter,
/// independent of both.
pub fn start_with_layer(layer: impl Layer<Registry> + Send + Sync, default_filter: &str) -> LogGuard {
    let log_writer = standard_error();
    let lines = lines(log_writer.as_ref()).with_filter(filter(default_filter));
    LogGuard::new(log_writer, tracing_subscriber::registry().with(layer).with(lines).try_init().is_ok())
}

/// Guard of the process's log. Drop it at the end of the process: the drop flushes buffered lines, and later lines are
/// written synchronously.
#[must_use = "dropping the guard makes logging synchronous"]
#[derive(Debug)]
pub struct LogGuard(Option<LogWriter>);

impl LogGuard {
    /// Does nothing if logging had been started before.
    fn new(log_writer: Option<LogWriter>, is_first: bool) -> Self {
        match log_writer {
            Some(log_writer) if is_first => {
                flush_at_panic(log_writer.clone());
                Self(Some(log_writer))
            }
            Some(unused) => {
                unused.close();
                Self(None)
            }
            None => Self(None),
        }
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        if let Some(log_writer) = &self.0 {
            log_writer.close();
        }
    }
}

/// Flushes buffered lines before a panic is reported, because it may end the process.
fn flush_at_panic(log_writer: LogWriter) {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        log_writer.flush();
        previous(panic);
    }));
}

fn filter(default: &str) -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default))
}

/// `None` for a terminal, which is written unbuffered.
fn standard_error() -> Option<LogWriter> {
    (!stderr().is_terminal()).then(|| LogWriter::new(stderr()))
}

fn lines<S: Subscriber + for<'a> LookupSpan<'a>>(
    log_writer: Option<&LogWriter>,
) -> Box<dyn Layer<S> + Send + Sync> {
    match log_writer {
        Some(log_writer) => JsonLines::new(log_writer.clone()).boxed(),
        None => tracing_subscriber::fmt::layer()
            .with_timer(ChronoUtc::rfc_3339())
            .with_writer(stderr)
            .with_target(false)
            .boxed(),
    }
}
