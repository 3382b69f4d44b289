//! Metrics of FlexWebchatOrchestratorService beyond those of every service.

use prometheus_client::{encoding::EncodeLabelSet, metrics::counter::Counter, metrics::family::Family};
use service_runtime::Metrics;

/// The counters, resolved once.
#[derive(Clone, Debug)]
pub struct Counters {
    with_key: Counter,
    without_key: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SessionLabels {
    proof_key: &'static str,
}

impl Counters {
    /// Registers the counters in `metrics`.
    pub fn new(metrics: &Metrics) -> Self {
        let requested = Family::<SessionLabels, Counter>::default();
        metrics.register(
            "sessions_requested",
            "Sessions requested, with a proof key and without: without one, a deployment that requires it refuses",
            requested.clone(),
        );
        let counter = |proof_key| requested.get_or_create_owned(&SessionLabels { proof_key });
        Self { with_key: counter("yes"), without_key: counter("no") }
    }

    /// Counts a requested session.
    pub fn session_requested(&self, has_key: bool) {
        if has_key { &self.with_key } else { &self.without_key }.inc();
    }
}
