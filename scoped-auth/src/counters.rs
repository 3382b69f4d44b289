//! What ScopedAuthService counts beside what every service does.

use prometheus_client::{encoding::EncodeLabelSet, metrics::counter::Counter, metrics::family::Family};
use service_runtime::Metrics;

/// The counters of ScopedAuthService.
#[derive(Clone, Default)]
pub struct Counters {
    minted: Family<Minted, Counter>,
    judged: Family<Judged, Counter>,
    signals: Family<Signal, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Minted {
    session: &'static str,
    form: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Judged {
    verdict: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Signal {
    signal: &'static str,
    outcome: &'static str,
}

impl Counters {
    /// Counters that join `metrics`.
    pub fn new(metrics: &Metrics) -> Self {
        let counters = Self::default();
        metrics.register(
            "tokens_minted",
            "Tokens made, for new and continued sessions",
            counters.minted.clone(),
        );
        metrics.register("tokens_judged", "Tokens judged, by verdict", counters.judged.clone());
        metrics.register(
            "fingerprint_signals",
            "Signals that drifted or broke in judged fingerprints",
            counters.signals.clone(),
        );
        counters
    }

    /// A token was made.
    pub fn minted(&self, session_continues: bool, encrypted: bool) {
        let session = if session_continues { "continued" } else { "new" };
        let form = if encrypted { "encrypted" } else { "signed" };
        self.minted.get_or_create(&Minted { session, form }).inc();
    }

    /// A token was judged.
    pub fn judged(&self, verdict: &'static str) {
        self.judged.get_or_create(&Judged { verdict }).inc();
    }

    /// A signal of a presented fingerprint did not hold.
    pub fn signal(&self, signal: &'static str, outcome: &'static str) {
        self.signals.get_or_create(&Signal { signal, outcome }).inc();
    }
}
