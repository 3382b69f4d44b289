//! Compares two records signal by signal, for `judge`: first what differs, then what that means at a level.

use subtle::ConstantTimeEq as _;

use super::{
    Counting, Faces, Sensitivity, Signal, SignalSet,
    judge::Comparison,
    policy::{Compare, Counted, DAYLIGHT_SAVING, FACE, Limits, RULES, WIDGET},
    record::Record,
};

/// Which of the session's fingerprints is the older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    LastRefresh,
    SessionStart,
}

/// Difference between two records, before a level's limits apply.
pub(super) struct Differences {
    since: Since,
    held: SignalSet,
    missing: SignalSet,
    /// The signals that differ at no cost.
    tolerated: SignalSet,
    /// The signals that are missing without any effect. They count as held.
    excused: SignalSet,
    /// Those among `tolerated` whose version increased, each with the increase.
    steps: [Option<(Signal, u16)>; 2],
    counting: Counting,
    /// The signals that are different, and none of the others here.
    different: SignalSet,
    /// The signals that make up another face.
    face: SignalSet,
    /// The counted signals of the older record.
    counted: SignalSet,
}

impl Differences {
    /// Applies a level's limits.
    pub(super) fn at(&self, level: Sensitivity) -> Comparison {
        let limits = level.limits();
        let mut drifted = self.tolerated;
        let mut broke = SignalSet::EMPTY;
        for (signal, step) in self.steps.into_iter().flatten() {
            // A hinted version is always the engine's.
            let counting = if signal == Signal::HintedVersion { Counting::FourWeekly } else { self.counting };
            if step > limits.max_version_jump.of(counting) {
                broke.insert(signal);
            }
        }
        let mut points = 0;
        let missing = self.missing.without(self.tolerated);
        // Most fingerprints are equal.
        if !self.different.union(missing).is_empty() {
            for rule in &RULES {
                let effect = match rule.signal {
                    signal if missing.contains(signal) => rule.missing,
                    signal if self.different.contains(signal) => rule.different,
                    _ => continue,
                };
                match effect.points(level) {
                    None => broke.insert(rule.signal),
                    Some(weight) => {
                        drifted.insert(rule.signal);
                        points += weight;
                    }
                }
            }
        }
        if !self.face.is_empty() {
            match FACE.points(level) {
                None => broke = broke.union(self.face),
                Some(weight) => {
                    drifted = drifted.union(self.face);
                    points += weight;
                }
            }
        }
        let kept = self.held.union(self.tolerated).union(self.excused).without(broke);
        let sealed = self.counted.len();
        let (least, budget) = match self.since {
            _ if sealed < limits.least_held => (sealed, Limits::FEW_SIGNALS),
            Since::LastRefresh => (limits.least_held, limits.budget),
            Since::SessionStart => (limits.least_held, limits.total),
        };
        Comparison {
            held: self.held,
            drifted: drifted.without(broke),
            broke,
            missing: self.missing,
            points,
            budget,
            counted: self.counted.intersection(kept).len(),
            least,
        }
    }
}

pub(super) fn compare(sealed: &Record, presented: &Record, since: Since, key_is_proved: bool) -> Differences {
    let step = |was: u16, is: u16| is.checked_sub(was);
    let (major, hinted) = (step(sealed.major, presented.major), step(sealed.hinted, presented.hinted));
    let mut different = SignalSet::EMPTY;
    let mut near = SignalSet::EMPTY;
    for (rule, (was, is)) in RULES.iter().zip(sealed.digests.iter().zip(&presented.digests)) {
        match rule.compare {
            Compare::Equal if u64::from_be_bytes(*was).ct_eq(&u64::from_be_bytes(*is)).into() => {}
            Compare::Equal => different.insert(rule.signal),
            Compare::Forwards => match if rule.signal == Signal::MajorVersion { major } else { hinted } {
                Some(0) => {}
                Some(_) => near.insert(rule.signal),
                None => different.insert(rule.signal),
            },
            Compare::Clock => match sealed.timezone.abs_diff(presented.timezone) {
                0 => {}
                minutes if minutes <= DAYLIGHT_SAVING => near.insert(rule.signal),
                _ => different.insert(rule.signal),
            },
        }
    }
    let missing = sealed.present.without(presented.present);
    let is_excused = key_is_proved && presented.widget_is_optional;
    let excused = if is_excused { missing.intersection(WIDGET) } else { SignalSet::EMPTY };
    let missing = missing.without(excused);
    let compared = sealed.present.intersection(presented.present);
    let (mut different, mut near) = (different.intersection(compared), near.intersection(compared));

    let mut face = SignalSet::EMPTY;
    let other_family = different.contains(Signal::Family);
    if let Some(found) = other_face(sealed, presented, different, near, missing, since, key_is_proved) {
        face = found;
        different = different.without(face);
    }
    if other_family && (sealed.counting != presented.counting || !face.contains(Signal::Family)) {
        // Another browser counts its versions otherwise.
        let versions = SignalSet::of(&[Signal::MajorVersion, Signal::HintedVersion]);
        near = near.union(different.union(missing).intersection(versions));
        different = different.without(versions);
    }
    let mut tolerated = near;
    if key_is_proved {
        let family = different.intersection(SignalSet::of(&[Signal::Family]));
        tolerated = tolerated.union(face).union(family);
        different = different.without(family);
        face = SignalSet::EMPTY;
    }
    let step = |signal, step: Option<u16>| step.filter(|_| near.contains(signal)).map(|step| (signal, step));
    Differences {
        since,
        held: compared.without(different).without(near).without(tolerated).without(face),
        missing,
        tolerated,
        excused,
        steps: if other_family && face.is_empty() {
            [None; 2]
        } else {
            [step(Signal::MajorVersion, major), step(Signal::HintedVersion, hinted)]
        },
        counting: sealed.counting,
        different,
        face,
        counted: sealed.counted(),
    }
}

/// The signals that differ because the browser shows another face. `None` if it does not: the system is of another
/// group, the names are others, or the version is not the same. Since the start of the session the version may have
/// increased; with a proof by the session's key it is compared separately.
fn other_face(
    sealed: &Record,
    presented: &Record,
    different: SignalSet,
    near: SignalSet,
    missing: SignalSet,
    since: Since,
    key_is_proved: bool,
) -> Option<SignalSet> {
    let (system, mobile) = (different.contains(Signal::OperatingSystem), different.contains(Signal::Mobile));
    if !(system || mobile) || sealed.faces == Faces::One || sealed.faces != presented.faces {
        return None;
    }
    let version = SignalSet::of(&[Signal::MajorVersion]);
    let differs = |signals: SignalSet| !signals.intersection(version).is_empty();
    let has_increased = since == Since::LastRefresh && differs(near);
    if !key_is_proved && (differs(different) || differs(missing) || has_increased) {
        return None;
    }
    let mut face = different.intersection(SignalSet::of(&[Signal::OperatingSystem, Signal::Mobile]));
    if system && different.contains(Signal::Platform) {
        face.insert(Signal::Platform);
    }
    if different.contains(Signal::Family) {
        // An app's desktop mode may omit its own names.
        if !(system && sealed.counting == presented.counting && is_base(sealed, presented)) {
            return key_is_proved.then_some(face);
        }
        face.insert(Signal::Family);
    }
    Some(face)
}

/// Whether one of the families is the base of the other.
fn is_base(one: &Record, other: &Record) -> bool {
    let matches = |base: &Record, family: &Record| {
        let digest = family.digests.first().and_then(|digest| digest.first_chunk::<4>());
        base.base != [0; 4] && digest.is_some_and(|digest| base.base.ct_eq(digest).into())
    };
    matches(one, other) || matches(other, one)
}

impl Record {
    /// The counted signals: those that a thief cannot look up.
    pub(super) fn counted(&self) -> SignalSet {
        self.present.intersection(COUNTED).without(self.usual.intersection(COUNTED_IF_UNUSUAL))
    }
}

const COUNTED: SignalSet = signals_counted(true);
const COUNTED_IF_UNUSUAL: SignalSet = signals_counted(false);

/// The signals that are counted at all, or of these the ones that are counted only with an unusual value.
const fn signals_counted(at_all: bool) -> SignalSet {
    let mut signals = SignalSet::EMPTY;
    let mut place = 0;
    while place < RULES.len() {
        #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        let rule = RULES[place];
        let is_counted = match rule.counted {
            Counted::Yes => at_all,
            Counted::IfUnusual => true,
            Counted::No => false,
        };
        if is_counted {
            signals = signals.with(rule.signal);
        }
        place += 1;
    }
    signals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Mode;

    #[test]
    fn signals_with_a_usual_value_are_not_counted() {
        let mut record = Record::new(Sensitivity::High, Mode::Enforce);
        assert!(record.counted().is_empty());
        record.present = SignalSet::of(&Signal::ALL);
        assert_eq!(record.counted().len(), 13);
        record.usual = SignalSet::of(&[Signal::CookieEnabled, Signal::AcceptEncoding]);
        let counted = record.counted();
        assert_eq!(counted.len(), 11);
        assert!(counted.contains(Signal::AudioDecoder) && !counted.contains(Signal::CookieEnabled));
        assert!(!counted.contains(Signal::Origin) && !counted.contains(Signal::Network));
    }
}
