//! What FlexWebchatOrchestratorService counts besides what every service does.

use prometheus_client::{encoding::EncodeLabelSet, metrics::counter::Counter, metrics::family::Family};
use service_runtime::Metrics;

/// The counters, looked up once.
#[derive(Clone, Debug)]
pub struct Counters {
    with_key: Counter,
    without_key: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Begun {
    proof_key: &'static str,
}

impl Counters {
    /// Counters that join `metrics`.
    pub fn new(metrics: &Metrics) -> Self {
        let begun = Family::<Begun, Counter>::default();
        metrics.register(
            "sessions_requested",
            "Sessions requested, with a proof key and without: without one, a deployment that requires it refuses",
            begun.clone(),
        );
        let counter = |proof_key| begun.get_or_create_owned(&Begun { proof_key });
        Self { with_key: counter("yes"), without_key: counter("no") }
    }

    /// Counts a session that is requested.
    pub fn session_requested(&self, has_key: bool) {
        if has_key { &self.with_key } else { &self.without_key }.inc();
    }
}
