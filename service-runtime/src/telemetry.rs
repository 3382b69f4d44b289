//! Logs: for people on a terminal, one JSON object per line otherwise. `RUST_LOG` chooses what is told, `info` by
//! default.

use std::io::{IsTerminal, stderr};

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt::time::ChronoUtc, layer::SubscriberExt, registry::LookupSpan,
    util::SubscriberInitExt,
};

/// Starts logging for the whole process, to standard error. A second call changes nothing.
pub fn start() {
    // Whoever started logging first decided how.
    let _ = tracing_subscriber::registry().with(filter()).with(lines()).try_init();
}

/// The same, with a listener that hears what its own filter lets through, whatever `RUST_LOG` says.
pub fn start_beside(listener: impl Layer<Registry> + Send + Sync) {
    let _ = tracing_subscriber::registry().with(listener).with(lines().with_filter(filter())).try_init();
}

fn filter() -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,actix_server=warn"))
}

fn lines<S: Subscriber + for<'a> LookupSpan<'a>>() -> Box<dyn Layer<S> + Send + Sync> {
    let lines = tracing_subscriber::fmt::layer().with_timer(ChronoUtc::rfc_3339()).with_writer(stderr);
    if stderr().is_terminal() {
        lines.with_target(false).boxed()
    } else {
        lines.json().flatten_event(true).boxed()
    }
}
