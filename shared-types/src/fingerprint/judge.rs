//! `SAS ->> SAS`: is the browser that presents a token the one that it was made for? Compares two fingerprints by the
//! policy, without any key. All signals are compared, each in constant time, whatever the others show, so that the
//! time tells nothing and the audit log names every signal that differed.

use subtle::ConstantTimeEq as _;

use super::{
    Fingerprint, Signal, SignalSet,
    policy::{Compare, DAYLIGHT_SAVING, Effect, Limits, RULES},
    record::Record,
};

/// What came of a comparison. Signals that the sealed fingerprint lacks are in none of the sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the session may go on.
    pub accepted: bool,
    /// Whether one of the two is not a fingerprint of a version that is known; then nothing was compared.
    pub malformed: bool,
    /// The signals that are the same.
    pub held: SignalSet,
    /// The signals that changed, or are no longer shown, in a way that is tolerated on its own.
    pub drifted: SignalSet,
    /// The signals whose change is refused whatever else holds.
    pub broke: SignalSet,
    /// The points of all that drifted; the level's budget is exceeded if nothing broke and it is not accepted.
    pub drift: u16,
}

/// Judges `presented`, made from the request, against `sealed`, held in the token, at the level that `presented` names.
pub fn judge(sealed: &Fingerprint, presented: &Fingerprint) -> Verdict {
    compare(sealed, presented, SignalSet::EMPTY)
}

/// Judges as [`judge()`] does, the login timestamp aside: whether the browser of an earlier session is back (the
/// widget's `Identity?`; contract, section 4).
pub fn judge_across_sessions(sealed: &Fingerprint, presented: &Fingerprint) -> Verdict {
    compare(sealed, presented, SignalSet::of(&[Signal::LoginTimestamp]))
}

fn compare(sealed: &Fingerprint, presented: &Fingerprint, ignored: SignalSet) -> Verdict {
    let mut verdict = Verdict {
        accepted: false,
        malformed: true,
        held: SignalSet::EMPTY,
        drifted: SignalSet::EMPTY,
        broke: SignalSet::EMPTY,
        drift: 0,
    };
    let (Some(sealed), Some(presented)) = (Record::unfold(sealed), Record::unfold(presented)) else {
        return verdict;
    };
    let limits = presented.sensitivity.limits();
    for (rule, (was, is)) in RULES.iter().zip(sealed.digests.iter().zip(&presented.digests)) {
        let difference = match rule.compare {
            Compare::Equal => {
                if was.ct_eq(is).into() {
                    Difference::None
                } else {
                    Difference::Changed
                }
            }
            Compare::Forwards => version(sealed.major, presented.major, &limits),
            Compare::Clock => clock(sealed.timezone, presented.timezone),
        };
        if !sealed.present.contains(rule.signal) || ignored.contains(rule.signal) {
            continue;
        }
        let effect = match difference {
            _ if !presented.present.contains(rule.signal) => rule.gone,
            Difference::None => {
                verdict.held.insert(rule.signal);
                continue;
            }
            Difference::Tolerable => Effect::Weighs(0),
            Difference::Changed => rule.changed,
        };
        match effect {
            Effect::Breaks => verdict.broke.insert(rule.signal),
            Effect::Weighs(points) => {
                verdict.drifted.insert(rule.signal);
                verdict.drift += points;
            }
        }
    }
    verdict.malformed = false;
    verdict.accepted = verdict.broke.is_empty() && verdict.drift <= limits.budget;
    verdict
}

enum Difference {
    None,
    Tolerable,
    Changed,
}

fn version(was: u16, is: u16, limits: &Limits) -> Difference {
    match is.checked_sub(was) {
        Some(0) => Difference::None,
        Some(leap) if leap <= limits.leap => Difference::Tolerable,
        _ => Difference::Changed,
    }
}

fn clock(was: i16, is: i16) -> Difference {
    match was.abs_diff(is) {
        0 => Difference::None,
        minutes if minutes <= DAYLIGHT_SAVING => Difference::Tolerable,
        _ => Difference::Changed,
    }
}
