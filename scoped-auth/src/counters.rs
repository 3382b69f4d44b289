//! What ScopedAuthService counts beside what every service does.

use std::array;

use prometheus_client::{encoding::EncodeLabelSet, metrics::counter::Counter, metrics::family::Family};
use service_runtime::Metrics;
use shared_types::fingerprint::{Mode, Signal, Verdict};

use crate::audit::level;

/// The counters of ScopedAuthService.
#[derive(Clone)]
pub struct Counters {
    minted: Family<Minted, Counter>,
    judged: Family<Judged, Counter>,
    browsers: Family<Browser, Counter>,
    /// By signal and outcome, looked up once: a verdict counts all of its signals.
    signals: [[Counter; Outcome::ALL.len()]; Signal::COUNT],
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
struct Browser {
    verdict: &'static str,
    strictest_level: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSignal {
    signal: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Copy)]
enum Outcome {
    Held,
    Drifted,
    Broke,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Held, Self::Drifted, Self::Broke];

    const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Drifted => "drifted",
            Self::Broke => "broke",
        }
    }
}

impl Counters {
    /// Counters that join `metrics`.
    pub fn new(metrics: &Metrics) -> Self {
        let (minted, judged) = (Family::<Minted, Counter>::default(), Family::<Judged, Counter>::default());
        let (browsers, signals) =
            (Family::<Browser, Counter>::default(), Family::<OfSignal, Counter>::default());
        metrics.register("tokens_minted", "Tokens made, for new and continued sessions", minted.clone());
        metrics.register("tokens_judged", "Tokens judged, by verdict", judged.clone());
        metrics.register(
            "fingerprints_judged",
            "Fingerprints judged, by verdict and by the strictest level that accepts them",
            browsers.clone(),
        );
        metrics.register(
            "fingerprint_signals",
            "Signals that held, drifted or broke in judged fingerprints",
            signals.clone(),
        );
        let of_signal = |signal: Signal| {
            Outcome::ALL.map(|outcome| {
                let labels = OfSignal { signal: signal.name(), outcome: outcome.name() };
                signals.get_or_create_owned(&labels)
            })
        };
        let mut all = Signal::ALL.into_iter().map(of_signal);
        let signals = array::from_fn(|_| all.next().unwrap_or_default());
        Self { minted, judged, browsers, signals }
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

    /// A browser was judged: by its signals, and by what every level makes of it.
    pub fn browser(&self, verdict: &Verdict) {
        // Since the last refresh: what changed once would otherwise count with every later call of its session.
        let (last, broke) = (verdict.last, verdict.broke());
        let sets = [last.held.without(broke), last.drifted.without(broke), broke];
        for (counters, signal) in self.signals.iter().zip(Signal::ALL) {
            for (counter, _) in counters.iter().zip(sets).filter(|(_, set)| set.contains(signal)) {
                counter.inc();
            }
        }
        let name = match (verdict.accepted, verdict.mode) {
            (true, _) => "accepted",
            (false, Mode::Enforce) => "refused",
            (false, Mode::Shadow) => "refused_in_shadow",
        };
        self.browsers
            .get_or_create(&Browser { verdict: name, strictest_level: level(verdict.strictest) })
            .inc();
    }
}
