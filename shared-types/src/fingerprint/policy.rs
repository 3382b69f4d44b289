//! The policy: the effect of a change of each signal, and the limits of each level. It is data in this file only;
//! `judge` applies it. A signal that the sealed fingerprint lacks is never compared: a browser may send now what it did
//! not send when the token was made (client hints appear over TLS only).

use std::fmt;

use super::{Sensitivity, Signal};

/// Effect of a difference in one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The session is rejected, regardless of all other signals.
    Breaks,
    /// Points that count against the level's budget. With 0, the difference only appears in the audit log.
    Weighs(u16),
}

/// `breaks`, `0`, `3`: the format of the printed policy.
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
    /// Equal digests are unchanged; all others are a change.
    Equal,
    /// Equal versions are unchanged; an increase up to the level's `max_version_jump` costs nothing; all else is a
    /// change.
    Forwards,
    /// Equal offsets are unchanged; a difference up to [`DAYLIGHT_SAVING`] costs nothing; all else is a change.
    Clock,
}

/// One row of the policy: how `signal` is compared, and the effects of its change and of its absence.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The signal.
    pub signal: Signal,
    /// The comparison, which defines a change.
    pub compare: Compare,
    /// Effect of a change.
    pub changed: Effect,
    /// Effect if the signal is missing from the presented fingerprint.
    pub missing: Effect,
}

/// Tolerated timezone difference, in minutes. Daylight saving time shifts clocks by 60; on Lord Howe Island by 30.
pub const DAYLIGHT_SAVING: u16 = 60;

/// The rows of the policy, in the order of [`Signal::ALL`].
#[rustfmt::skip]
pub const RULES: [Rule; Signal::COUNT] = [
    // Decisive. Within a session, a browser does not become another one or move to another page or deployment, and the
    // login timestamp is in the same storage as the token. A missing signal counts as a change: every request of the
    // widget sends them, and a thief could otherwise pass by omitting them.
    equal(Signal::Family,          Effect::Breaks,    Effect::Breaks),
    equal(Signal::OperatingSystem, Effect::Breaks,    Effect::Breaks),
    equal(Signal::Mobile,          Effect::Breaks,    Effect::Breaks),
    equal(Signal::Origin,          Effect::Breaks,    Effect::Breaks),
    equal(Signal::DeploymentKey,   Effect::Breaks,    Effect::Breaks),
    equal(Signal::LoginTimestamp,  Effect::Breaks,    Effect::Breaks),
    // Browser versions only increase (FP-Stalker's rule). A User-Agent keeps its version; hints appear and disappear.
    Rule { signal: Signal::MajorVersion,  compare: Compare::Forwards, changed: Effect::Breaks, missing: Effect::Breaks },
    Rule { signal: Signal::HintedVersion, compare: Compare::Forwards, changed: Effect::Breaks, missing: Effect::Weighs(0) },
    // More than daylight saving is travel: an ordinary change, and the largest of them.
    Rule { signal: Signal::Timezone, compare: Compare::Clock, changed: Effect::Weighs(3), missing: Effect::Weighs(1) },
    // Nearly decisive: no browser changes its brand or platform, but vendors may extend the lists. Hints appear and
    // disappear with TLS, updates and privacy settings.
    equal(Signal::Brand,           Effect::Weighs(5), Effect::Weighs(0)),
    equal(Signal::Platform,        Effect::Weighs(5), Effect::Weighs(0)),
    // One change of language changes both. Browsers always send the header; scripts often do not.
    equal(Signal::AcceptLanguage,  Effect::Weighs(1), Effect::Weighs(2)),
    equal(Signal::SettingsLanguage,Effect::Weighs(1), Effect::Weighs(1)),
    // An update may add a coding, and an intermediary may remove one.
    equal(Signal::AcceptEncoding,  Effect::Weighs(1), Effect::Weighs(2)),
    equal(Signal::CookieEnabled,   Effect::Weighs(1), Effect::Weighs(1)),
    // If either probe fails, the widget reports a constant for both, so both may change at once.
    equal(Signal::AudioDecoder,    Effect::Weighs(1), Effect::Weighs(1)),
    equal(Signal::VideoDecoder,    Effect::Weighs(1), Effect::Weighs(1)),
    // Audit log only. A phone changes networks at any time, with any other change; IPv4 and IPv6 alternate.
    equal(Signal::Network,         Effect::Weighs(0), Effect::Weighs(0)),
];

const fn equal(signal: Signal, changed: Effect, missing: Effect) -> Rule {
    Rule { signal, compare: Compare::Equal, changed, missing }
}

/// Limits of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum points from one refresh to the next.
    pub budget: u16,
    /// Maximum points between the fingerprint at the start of the session and the presented one. Without it, small
    /// changes at every refresh could add up to another browser.
    pub total: u16,
    /// Maximum increase of the major version, both since the last refresh and since the start of the session.
    pub max_version_jump: u16,
}

impl Sensitivity {
    /// The level's limits.
    ///
    /// Browsers release every four weeks and a session lasts a day, so an ordinary update is one version. A browser
    /// that was not restarted for long skips more: 6 is half a year, 13 is the step between two extended support
    /// releases of Firefox, 24 is nearly two years. A thief gains nothing from a version that the guest's browser could
    /// update to.
    ///
    /// An ordinary change other than travel costs at most 2 points (a language, both decoders). `high` tolerates one
    /// such change in a session. `medium` tolerates travel with one small change, or two changes of 2 points, and two
    /// changes of 3 points in a whole session. `low` tolerates travel with a new language and new decoders, and one
    /// change of brand or platform, which is never ordinary, but not both, not even one after the other.
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
    fn rules_are_in_the_order_of_the_signals() {
        for (rule, signal) in RULES.iter().zip(Signal::ALL) {
            assert_eq!(rule.signal, signal);
            // Exactly the signals stored as a number are compared as one.
            assert_eq!(rule.compare == Compare::Equal, signal.digest_len() > 0, "{}", signal.name());
        }
    }

    #[test]
    fn a_stricter_level_tolerates_less() {
        for pair in Sensitivity::ALL.windows(2) {
            let (tolerant, strict) = (pair[0].limits(), pair[1].limits());
            assert!(tolerant.budget > strict.budget && tolerant.total > strict.total);
            assert!(tolerant.max_version_jump > strict.max_version_jump);
        }
        assert!(Sensitivity::ALL.iter().all(|level| level.limits().total >= level.limits().budget));
    }
}
