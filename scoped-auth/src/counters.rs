//! What ScopedAuthService counts beside what every service does.

use prometheus_client::{encoding::EncodeLabelSet, metrics::counter::Counter, metrics::family::Family};
use service_runtime::Metrics;
use shared_types::{
    Code,
    fingerprint::{Mode, Sensitivity, Signal, Verdict},
};

use crate::audit::level;

/// The counters of ScopedAuthService, looked up once: to find one by its labels takes a lock and a hash.
#[derive(Clone)]
pub struct Counters {
    /// By whether the session continues, and whether the token is encrypted.
    minted: [[Counter; 2]; 2],
    judged: [(&'static str, Counter); VERDICTS.len()],
    /// By [`BROWSER_VERDICTS`] and the strictest level that accepts, none first.
    browsers: [[Counter; 1 + Sensitivity::ALL.len()]; BROWSER_VERDICTS.len()],
    /// By signal and outcome.
    signals: [[Counter; Outcome::ALL.len()]; Signal::COUNT],
}

/// What can become of a token: it is good, or else the code that says why not.
const VERDICTS: [&str; 9] = [
    "authorized",
    "resumed",
    "token_reuse",
    Code::InvalidToken.as_str(),
    Code::ExpiredToken.as_str(),
    Code::RevokedToken.as_str(),
    Code::SessionExpired.as_str(),
    Code::FingerprintInvalid.as_str(),
    Code::InvalidDpopProof.as_str(),
];

const BROWSER_VERDICTS: [&str; 3] = ["accepted", "refused", "refused_in_shadow"];

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
        let minted = ["new", "continued"].map(|session| {
            ["signed", "encrypted"].map(|form| minted.get_or_create_owned(&Minted { session, form }))
        });
        let judged = VERDICTS.map(|verdict| (verdict, judged.get_or_create_owned(&Judged { verdict })));
        let [low, medium, high] = Sensitivity::ALL.map(Some);
        let levels = [None, low, medium, high].map(level);
        let browsers = BROWSER_VERDICTS.map(|verdict| {
            levels.map(|strictest_level| browsers.get_or_create_owned(&Browser { verdict, strictest_level }))
        });
        let signals = Signal::ALL.map(|signal| {
            Outcome::ALL.map(|outcome| {
                let labels = OfSignal { signal: signal.name(), outcome: outcome.name() };
                signals.get_or_create_owned(&labels)
            })
        });
        Self { minted, judged, browsers, signals }
    }

    /// A token was made.
    pub fn minted(&self, session_continues: bool, encrypted: bool) {
        let [new, continued] = &self.minted;
        let [signed, sealed] = if session_continues { continued } else { new };
        if encrypted { sealed } else { signed }.inc();
    }

    /// A token was judged: one of the verdicts that there are.
    pub fn judged(&self, verdict: &'static str) {
        let counter = self.judged.iter().find(|(known, _)| *known == verdict);
        debug_assert!(counter.is_some(), "{verdict} is not counted");
        if let Some((_, counter)) = counter {
            counter.inc();
        }
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
        let [accepted, refused, in_shadow] = &self.browsers;
        let levels = match (verdict.accepted, verdict.mode) {
            (true, _) => accepted,
            (false, Mode::Enforce) => refused,
            (false, Mode::Shadow) => in_shadow,
        };
        let [none, low, medium, high] = levels;
        match verdict.strictest {
            None => none,
            Some(Sensitivity::Low) => low,
            Some(Sensitivity::Medium) => medium,
            Some(Sensitivity::High) => high,
        }
        .inc();
    }
}
