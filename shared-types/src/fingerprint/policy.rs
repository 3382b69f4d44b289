//! The policy: what each signal does to a session when it changes, and how much of that each level bears. All of it
//! is data on this page; `judge` only applies it. A signal that the sealed fingerprint lacks is never compared:
//! what a browser did not show when the token was made, it may show now (client hints appear over TLS only).

use std::fmt;

use super::{Sensitivity, Signal};

/// What a difference in one signal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The session is refused, whatever else holds.
    Breaks,
    /// Points that count against the level's budget; with 0 the difference is in the audit log and nowhere else.
    Weighs(u16),
}

/// `breaks`, `0`, `3`: as the policy is printed.
impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Breaks => f.write_str("breaks"),
            Effect::Weighs(points) => write!(f, "{points}"),
        }
    }
}

/// How a signal is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Equal digests hold; anything else is a change.
    Equal,
    /// Equal versions hold; a step forwards, up to the level's leap, costs nothing; anything else is a change.
    Forwards,
    /// Equal offsets hold; up to [`DAYLIGHT_SAVING`] apart costs nothing; anything else is a change.
    Clock,
}

/// One row: how `signal` is compared, what a change does, and what it does if the signal is no longer shown.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Which signal.
    pub signal: Signal,
    /// What is a change.
    pub compare: Compare,
    /// What a change does.
    pub changed: Effect,
    /// What it does if the signal is no longer shown.
    pub gone: Effect,
}

/// Clocks that change to or from summer time move by 60 minutes; Lord Howe Island's by 30.
pub const DAYLIGHT_SAVING: u16 = 60;

/// The rows, in the order of [`Signal::ALL`].
#[rustfmt::skip]
pub const RULES: [Rule; Signal::COUNT] = [
    // Decisive. A browser does not become another one, nor move to another page or deployment, within a session; and
    // the login timestamp lies in the storage that also holds the token. To leave one out is to change it: every
    // request of the widget shows them, and a thief's would otherwise pass by showing nothing.
    equal(Signal::Family,          Effect::Breaks,    Effect::Breaks),
    equal(Signal::OperatingSystem, Effect::Breaks,    Effect::Breaks),
    equal(Signal::Mobile,          Effect::Breaks,    Effect::Breaks),
    equal(Signal::Origin,          Effect::Breaks,    Effect::Breaks),
    equal(Signal::DeploymentKey,   Effect::Breaks,    Effect::Breaks),
    equal(Signal::LoginTimestamp,  Effect::Breaks,    Effect::Breaks),
    // Browsers update forwards only (FP-Stalker's rule). A User-Agent does not lose its version; hints come and go.
    Rule { signal: Signal::MajorVersion,  compare: Compare::Forwards, changed: Effect::Breaks, gone: Effect::Breaks },
    Rule { signal: Signal::HintedVersion, compare: Compare::Forwards, changed: Effect::Breaks, gone: Effect::Weighs(0) },
    // More than summer time is travel: ordinary, but the largest of the ordinary changes.
    Rule { signal: Signal::Timezone, compare: Compare::Clock, changed: Effect::Weighs(3), gone: Effect::Weighs(1) },
    // No browser changes its brand or platform, but the lists are the vendors' to extend: nearly decisive. Hints come
    // and go with TLS, updates and privacy settings.
    equal(Signal::Brand,           Effect::Weighs(5), Effect::Weighs(0)),
    equal(Signal::Platform,        Effect::Weighs(5), Effect::Weighs(0)),
    // One change of language shows in both. Browsers always send the header; scripts often do not.
    equal(Signal::AcceptLanguage,  Effect::Weighs(1), Effect::Weighs(2)),
    equal(Signal::SettingsLanguage,Effect::Weighs(1), Effect::Weighs(1)),
    // An update may add a coding, and a filter on the way may take one out.
    equal(Signal::AcceptEncoding,  Effect::Weighs(1), Effect::Weighs(2)),
    equal(Signal::CookieEnabled,   Effect::Weighs(1), Effect::Weighs(1)),
    // The widget reports a constant for both if either probe fails, so both may change at once.
    equal(Signal::AudioDecoder,    Effect::Weighs(1), Effect::Weighs(1)),
    equal(Signal::VideoDecoder,    Effect::Weighs(1), Effect::Weighs(1)),
    // Risk only. A phone changes networks at any time, together with any other change; IPv4 and IPv6 take turns.
    equal(Signal::Network,         Effect::Weighs(0), Effect::Weighs(0)),
];

const fn equal(signal: Signal, changed: Effect, gone: Effect) -> Rule {
    Rule { signal, compare: Compare::Equal, changed, gone }
}

/// What a level bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most points from one refresh to the next.
    pub budget: u16,
    /// The most points between the browser that the session began with and the one that presents its token now:
    /// whoever changes a little at every refresh must not end up as somebody else.
    pub total: u16,
    /// The most major versions forwards, since the last refresh as since the beginning.
    pub max_version_jump: u16,
}

impl Sensitivity {
    /// The level's limits.
    ///
    /// Browsers release every four weeks and a session lasts a day, so an ordinary update is one version. More are
    /// skipped by a browser that had not been restarted: 6 is half a year, 13 the step between two extended support
    /// releases of Firefox, 24 nearly two years. A thief gains nothing by a version that the guest's could become.
    ///
    /// An ordinary change other than travel costs at most 2 points (a language, both decoders), which `high` bears
    /// once in a session. `medium` bears travel with one small change, or two changes of 2, and in all of a session
    /// two of 3. `low` bears travel together with a new language and new decoders, and one change of brand or platform,
    /// which is never ordinary, but not both of them, not even one by one.
    pub const fn limits(self) -> Limits {
        match self {
            Self::Low => Limits { budget: 7, total: 9, max_version_jump: 24 },
            Self::Medium => Limits { budget: 4, total: 6, max_version_jump: 13 },
            Self::High => Limits { budget: 2, total: 2, max_version_jump: 6 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_has_its_row() {
        for (rule, signal) in RULES.iter().zip(Signal::ALL) {
            assert_eq!(rule.signal, signal);
            // What is held as a number is compared as one, and nothing else is.
            assert_eq!(rule.compare == Compare::Equal, signal.digest_len() > 0, "{}", signal.name());
        }
    }

    #[test]
    fn a_stricter_level_bears_less() {
        for pair in Sensitivity::ALL.windows(2) {
            let (tolerant, strict) = (pair[0].limits(), pair[1].limits());
            assert!(tolerant.budget > strict.budget && tolerant.total > strict.total);
            assert!(tolerant.max_version_jump > strict.max_version_jump);
        }
        assert!(Sensitivity::ALL.iter().all(|level| level.limits().total >= level.limits().budget));
    }
}
