//! Logs: for people on a terminal, one JSON object per line otherwise. `RUST_LOG` chooses what is told, `info` by
//! default. The filter is one for the whole process and asked once for each place that tells something, not once for
//! each event.

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

/// Starts logging for the whole process, to standard error. A second call changes nothing.
pub fn start() -> Log {
    let log_writer = standard_error();
    let lines = lines(log_writer.as_ref());
    Log::begun(log_writer, tracing_subscriber::registry().with(filter()).with(lines).try_init().is_ok())
}

/// The same, with a listener that hears what its own filter lets through, whatever `RUST_LOG` says.
pub fn start_beside(listener: impl Layer<Registry> + Send + Sync) -> Log {
    let log_writer = standard_error();
    let lines = lines(log_writer.as_ref()).with_filter(filter());
    Log::begun(log_writer, tracing_subscriber::registry().with(listener).with(lines).try_init().is_ok())
}

/// The log of a process. To be dropped when the process is about to end: everything that was told is written then, and
/// whatever is told after it is written before the telling thread goes on.
#[must_use = "dropped at once, the log is written line by line, each by the thread that tells it"]
#[derive(Debug)]
pub struct Log(Option<LogWriter>);

impl Log {
    /// Whoever started logging first decided how: then there is nothing here to see to.
    fn begun(log_writer: Option<LogWriter>, first: bool) -> Self {
        match log_writer {
            Some(log_writer) if first => {
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

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(log_writer) = &self.0 {
            log_writer.close();
        }
    }
}

/// What led to a panic stands in the log before it, also where the panic ends the process.
fn flush_at_panic(log_writer: LogWriter) {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        log_writer.flush();
        previous(panic);
    }));
}

fn filter() -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn"))
}

/// A terminal is written to as things happen.
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
