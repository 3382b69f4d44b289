//! The policy: the effect of a difference in each signal, and the limits of each level. It is data in this file only;
//! `judge` applies it. A signal that the sealed fingerprint lacks is never compared: a browser may send now what it did
//! not send when the token was made (client hints appear over TLS only).
//!
//! The thief adapts: he holds the token and `loginTimestamp`, guesses the User-Agent and omits the rest. So what every
//! request of the widget sends costs at least as much omitted as different, and every level asks for a least number of
//! [counted](Counted) signals that held.

use std::fmt;

use super::{Counting, Sensitivity, Signal, SignalSet};

/// Effect of a difference in one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The signal broke: the session is rejected, regardless of all other signals.
    Breaks,
    /// The signal drifted: points that count against the level's budget. With 0, the difference only appears in the
    /// audit log.
    Weighs(u16),
    /// The signal drifted up to a level, and broke at stricter ones.
    WeighsUpTo(Sensitivity, u16),
}

impl Effect {
    /// The points at a level; `None` if the signal broke.
    pub const fn points(self, level: Sensitivity) -> Option<u16> {
        match self {
            Effect::Breaks => None,
            Effect::Weighs(points) => Some(points),
            Effect::WeighsUpTo(tolerant, points) => {
                if level as u8 <= tolerant as u8 {
                    Some(points)
                } else {
                    None
                }
            }
        }
    }
}

/// `broke`, `0`, `3`, `low: 6, else broke`: the format of the printed policy.
impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Breaks => f.write_str("broke"),
            Effect::Weighs(points) => write!(f, "{points}"),
            Effect::WeighsUpTo(Sensitivity::Low, points) => write!(f, "`low`: {points}, else broke"),
            Effect::WeighsUpTo(level, points) => write!(f, "up to `{}`: {points}, else broke", level.name()),
        }
    }
}

/// How a signal is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Equal digests held; all others are different.
    Equal,
    /// Equal versions held; an increase up to the level's limit drifted at no cost; all else is different.
    Forwards,
    /// Equal offsets held; a difference up to [`DAYLIGHT_SAVING`] drifted at no cost; all else is different.
    Clock,
}

/// Whether a signal that held counts towards the level's least number. Signals that a thief can look up do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Always.
    Yes,
    /// Unless most browsers send the sealed value.
    IfUnusual,
    /// Never: it is public, follows from another signal, or weighs nothing.
    No,
}

/// `yes`, `if unusual`, `no`: the format of the printed policy.
impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Counted::Yes => "yes",
            Counted::IfUnusual => "if unusual",
            Counted::No => "no",
        })
    }
}

/// One row of the policy: how `signal` is compared, and the effects of a difference and of its absence.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The signal.
    pub signal: Signal,
    /// The comparison, which defines a difference.
    pub compare: Compare,
    /// Effect of a difference.
    pub different: Effect,
    /// Effect if the signal is missing from the presented fingerprint.
    pub missing: Effect,
    /// Whether it counts towards the least number of signals that held.
    pub counted: Counted,
}

/// Tolerated timezone difference, in minutes. Daylight saving time shifts clocks by 60; on Lord Howe Island by 30.
pub const DAYLIGHT_SAVING: u16 = 60;

/// Another face of the same browser: the system, the mobile flag and the platform all together. Safari on an iPad
/// switches with its window's size, Chrome on a foldable with its hinge, Brave on Android by itself. As many points as
/// travel: an Android phone's Chrome is a face of a Linux desktop's.
pub const FACE: Effect = Effect::WeighsUpTo(Sensitivity::Medium, 4);

/// The signals from the widget's headers. A page's requests to another service lack them.
pub(super) const WIDGET: SignalSet = SignalSet::EMPTY
    .with(Signal::LoginTimestamp)
    .with(Signal::Timezone)
    .with(Signal::SettingsLanguage)
    .with(Signal::CookieEnabled)
    .with(Signal::AudioDecoder)
    .with(Signal::VideoDecoder);

/// Another network. A phone changes networks at any time, with any other change, and IPv4 and IPv6 alternate: every level
/// has a point for it. A thief has to spend that point, because he is elsewhere.
const NETWORK: u16 = 1;

/// The rows of the policy, in the order of [`Signal::ALL`].
#[rustfmt::skip]
pub const RULES: [Rule; Signal::COUNT] = [
    // Another set of product names is another browser. Six points at `low` leave room for three more and the network.
    equal(Signal::Family,          Effect::WeighsUpTo(Sensitivity::Low, 6), Effect::Breaks, Counted::Yes),
    // Decisive. Within a session, a browser does not move to another system, page or deployment, and the login timestamp
    // is in the same storage as the token. A different system or mobile flag may be another face: see `FACE`.
    equal(Signal::OperatingSystem, Effect::Breaks,    Effect::Breaks,    Counted::Yes),
    equal(Signal::Mobile,          Effect::Breaks,    Effect::Breaks,    Counted::No),
    // Browsers omit the origin in a same-origin GET, and with the policy `no-referrer` its fallback too. A script
    // forges it as easily as it omits it.
    equal(Signal::Origin,          Effect::Breaks,    Effect::Weighs(0), Counted::No),
    equal(Signal::DeploymentKey,   Effect::Breaks,    Effect::Breaks,    Counted::No),
    equal(Signal::LoginTimestamp,  Effect::Breaks,    Effect::Breaks,    Counted::Yes),
    // Browser versions only increase (FP-Stalker's rule). A User-Agent keeps its version; hints appear and disappear.
    Rule { signal: Signal::MajorVersion,  compare: Compare::Forwards, different: Effect::Breaks, missing: Effect::Breaks, counted: Counted::Yes },
    Rule { signal: Signal::HintedVersion, compare: Compare::Forwards, different: Effect::Breaks, missing: Effect::Weighs(0), counted: Counted::No },
    // More than daylight saving is travel: an ordinary change, and the largest of them. The widget always sends it.
    Rule { signal: Signal::Timezone, compare: Compare::Clock, different: Effect::Weighs(4), missing: Effect::Weighs(5), counted: Counted::Yes },
    // Nearly decisive: no browser changes its brand or platform, but vendors may extend the lists. Hints appear and
    // disappear with TLS, updates and privacy settings, all at once: 2 points in sum.
    equal(Signal::Brand,           Effect::Weighs(8), Effect::Weighs(1), Counted::Yes),
    equal(Signal::Platform,        Effect::Weighs(8), Effect::Weighs(1), Counted::Yes),
    // One change of language changes both: 5 points in sum. Unlike travel, it does not come with another network, so
    // `medium` accepts either by itself, and of a thief elsewhere only the right language. Browsers always send the header
    // and the widget always sends its language; scripts often do not.
    equal(Signal::AcceptLanguage,  Effect::Weighs(2), Effect::Weighs(3), Counted::Yes),
    equal(Signal::SettingsLanguage,Effect::Weighs(3), Effect::Weighs(4), Counted::Yes),
    // An update may add a coding, and an intermediary may remove one, or the header.
    equal(Signal::AcceptEncoding,  Effect::Weighs(1), Effect::Weighs(2), Counted::IfUnusual),
    equal(Signal::CookieEnabled,   Effect::Weighs(1), Effect::Weighs(1), Counted::IfUnusual),
    // If either probe fails, the widget reports a constant for both, so both may change at once.
    equal(Signal::AudioDecoder,    Effect::Weighs(1), Effect::Weighs(1), Counted::IfUnusual),
    equal(Signal::VideoDecoder,    Effect::Weighs(1), Effect::Weighs(1), Counted::IfUnusual),
    equal(Signal::Network,         Effect::Weighs(NETWORK), Effect::Weighs(NETWORK), Counted::No),
];

const fn equal(signal: Signal, different: Effect, missing: Effect, counted: Counted) -> Rule {
    Rule { signal, compare: Compare::Equal, different, missing, counted }
}

/// Limits of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum points from one refresh to the next.
    pub budget: u16,
    /// Maximum points between the fingerprint at the start of the session and the presented one. Without it, small
    /// changes at every refresh could add up to another browser.
    pub total: u16,
    /// Least number of counted signals that held, both since the last refresh and since the start of the session. Of a
    /// browser that showed fewer when the token was made, all must hold: its budget is [`Limits::FEW_SIGNALS`].
    pub least_held: u32,
    /// Maximum increase of the major version, both since the last refresh and since the start of the session.
    pub max_version_jump: VersionJump,
}

impl Limits {
    /// Maximum points of a browser that showed too few counted signals: another network, and nothing else.
    pub const FEW_SIGNALS: u16 = NETWORK;
}

/// A maximum increase of the major version, for each way of counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionJump {
    /// Of a browser with a release every four weeks.
    pub four_weekly: u16,
    /// Of a browser with a release every year.
    pub yearly: u16,
    /// Of a browser with a release every week.
    pub weekly: u16,
}

impl VersionJump {
    const fn new(four_weekly: u16, yearly: u16, weekly: u16) -> Self {
        Self { four_weekly, yearly, weekly }
    }

    /// The maximum for this way of counting.
    pub const fn of(self, counting: Counting) -> u16 {
        match counting {
            Counting::FourWeekly => self.four_weekly,
            Counting::Yearly => self.yearly,
            Counting::Weekly => self.weekly,
        }
    }
}

impl Sensitivity {
    /// The level's limits.
    ///
    /// A session lasts a day, so an ordinary update is one version. A browser that was not restarted for long skips more:
    /// two years at `low`, one at `medium` (13 four-weekly versions, the step between two extended support releases of
    /// Firefox), half of one at `high`. A thief gains nothing from a version that the guest's browser could update to.
    ///
    /// What software does by itself costs at most 2 points: an update with a new coding, hints that disappear, other
    /// decoders. `high` tolerates one such change and another network, and nothing that a person does: travel, another
    /// language, another face. `medium` tolerates any of these, travel and another face together with another network,
    /// and two of them in a whole session. `low` tolerates travel with a new language and another network, and one change
    /// of brand or platform, which is never ordinary, but not both, not even one after the other.
    ///
    /// A guest's browser shows 6 counted signals at least (Safari without storage) and keeps 4 of them at `medium`.
    pub const fn limits(self) -> Limits {
        match self {
            Self::Low => Limits {
                budget: 10,
                total: 12,
                least_held: 3,
                max_version_jump: VersionJump::new(24, 2, 104),
            },
            Self::Medium => {
                Limits { budget: 5, total: 10, least_held: 4, max_version_jump: VersionJump::new(13, 1, 52) }
            }
            Self::High => {
                Limits { budget: 3, total: 3, least_held: 5, max_version_jump: VersionJump::new(6, 1, 26) }
            }
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
    fn what_the_widget_always_sends_costs_as_much_missing_as_different() {
        use Signal::{
            AcceptEncoding, AcceptLanguage, AudioDecoder, CookieEnabled, LoginTimestamp, SettingsLanguage,
            Timezone, VideoDecoder,
        };
        let always = [
            AcceptEncoding,
            AcceptLanguage,
            AudioDecoder,
            CookieEnabled,
            LoginTimestamp,
            SettingsLanguage,
            Timezone,
            VideoDecoder,
        ];
        for rule in RULES.iter().filter(|rule| always.contains(&rule.signal)) {
            for level in Sensitivity::ALL {
                let (missing, different) = (rule.missing.points(level), rule.different.points(level));
                assert!(
                    missing.is_none_or(|missing| different.is_some_and(|d| missing >= d)),
                    "{:?}",
                    rule.signal
                );
            }
        }
    }

    #[test]
    fn a_stricter_level_tolerates_less() {
        for pair in Sensitivity::ALL.windows(2) {
            let (tolerant, strict) = (pair[0].limits(), pair[1].limits());
            assert!(tolerant.budget > strict.budget && tolerant.total > strict.total);
            assert!(tolerant.least_held < strict.least_held);
            let (tolerant, strict) = (tolerant.max_version_jump, strict.max_version_jump);
            assert!(tolerant.four_weekly > strict.four_weekly && tolerant.weekly > strict.weekly);
            assert!(tolerant.yearly >= strict.yearly);
        }
        assert!(Sensitivity::ALL.iter().all(|level| level.limits().total >= level.limits().budget));
    }
}
