//! The counters of ScopedAuthService, in addition to those of every service.

use prometheus_client::{encoding::EncodeLabelSet, metrics::counter::Counter, metrics::family::Family};
use service_runtime::Metrics;
use shared_types::{
    Code,
    fingerprint::{Mode, Sensitivity, Signal, Verdict},
};

/// The counters, looked up once at the start: a look-up by labels takes a lock and a hash.
#[derive(Clone)]
pub struct Counters {
    /// By whether the session continues, and whether the token is encrypted.
    minted: [[Counter; 2]; 2],
    assertions: Counter,
    judged: [(&'static str, Counter); VERDICTS.len()],
    /// By [`BROWSER_VERDICTS`] and the strictest level that accepts; `none` first.
    browsers: [[Counter; 1 + Sensitivity::ALL.len()]; BROWSER_VERDICTS.len()],
    /// By signal and outcome.
    signals: [[Counter; SignalOutcome::ALL.len()]; Signal::COUNT],
}

/// The verdicts on a token: valid, the code of the error, or `incomparable`: answered with 503.
const VERDICTS: [&str; 10] = [
    "authorized",
    "resumed",
    "token_reuse",
    "incomparable",
    Code::InvalidToken.as_str(),
    Code::ExpiredToken.as_str(),
    Code::RevokedToken.as_str(),
    Code::SessionExpired.as_str(),
    Code::FingerprintInvalid.as_str(),
    Code::InvalidDpopProof.as_str(),
];

const BROWSER_VERDICTS: [&str; 3] = ["accepted", "refused", "refused_in_shadow"];

/// The name of the strictest level that accepts a browser, or `none`.
pub fn level(strictest: Option<Sensitivity>) -> &'static str {
    strictest.map_or("none", Sensitivity::name)
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
enum SignalOutcome {
    Held,
    Drifted,
    Broke,
}

impl SignalOutcome {
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
    /// Registers the counters with `metrics`.
    pub fn new(metrics: &Metrics) -> Self {
        let (minted, judged) = (Family::<Minted, Counter>::default(), Family::<Judged, Counter>::default());
        let (browsers, signals) =
            (Family::<Browser, Counter>::default(), Family::<OfSignal, Counter>::default());
        metrics.register("tokens_minted", "Tokens made, for new and continued sessions", minted.clone());
        let assertions = Counter::default();
        metrics.register("assertions_signed", "Guest assertions signed", assertions.clone());
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
            SignalOutcome::ALL.map(|outcome| {
                let labels = OfSignal { signal: signal.name(), outcome: outcome.name() };
                signals.get_or_create_owned(&labels)
            })
        });
        Self { minted, assertions, judged, browsers, signals }
    }

    /// Counts a token that was made.
    pub fn minted(&self, session_continues: bool, encrypted: bool) {
        let [new, continued] = &self.minted;
        let [signed, sealed] = if session_continues { continued } else { new };
        if encrypted { sealed } else { signed }.inc();
    }

    /// Counts a signed assertion.
    pub fn assertion(&self) {
        self.assertions.inc();
    }

    /// Counts a judged token. `verdict` is one of `VERDICTS`.
    pub fn judged(&self, verdict: &'static str) {
        let counter = self.judged.iter().find(|(known, _)| *known == verdict);
        debug_assert!(counter.is_some(), "{verdict} is not counted");
        if let Some((_, counter)) = counter {
            counter.inc();
        }
    }

    /// Counts a judged browser: by signal, and by the strictest level that accepts it.
    pub fn browser(&self, verdict: &Verdict) {
        // Compared with the last refresh: otherwise one change would count in every later request of the session.
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
