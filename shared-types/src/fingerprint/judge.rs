//! `SAS ->> SAS`: is the browser that presents a token the one that it was made for? Compares fingerprints by the
//! policy, without any key. All signals are compared, each in constant time, whatever the others show, so that the
//! time tells nothing and the audit log names every signal that differed.

use subtle::ConstantTimeEq as _;

use super::{
    Fingerprint, Mode, Sensitivity, Signal, SignalSet,
    policy::{Compare, DAYLIGHT_SAVING, Effect, Limits, RULES},
    record::Record,
};

/// What a session is bound to.
#[derive(Clone, Copy, Debug)]
pub struct BoundFingerprint<'a> {
    /// The browser as it was when the token was made.
    pub sealed: &'a Fingerprint,
    /// The browser that the session began with, where it has changed since.
    pub first: Option<&'a Fingerprint>,
}

/// How one fingerprint differs from another, at one level. Signals that the older one lacks are in none of the sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The signals that are the same.
    pub held: SignalSet,
    /// The signals that changed, or are no longer shown, in a way that is tolerated on its own.
    pub drifted: SignalSet,
    /// The signals whose change is refused whatever else holds.
    pub broke: SignalSet,
    /// Of the signals that drifted or broke, those that are no longer shown.
    pub gone: SignalSet,
    /// The points of all that drifted.
    pub points: u16,
}

/// What came of a judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the session may go on, by the level that the presented fingerprint names.
    pub accepted: bool,
    /// What the account wants done if it may not.
    pub mode: Mode,
    /// The strictest level that accepts it: what a change of the account's level would do to this guest.
    pub strictest: Option<Sensitivity>,
    /// Whether the two have a version and a key in common; if not, nothing was compared.
    pub comparable: bool,
    /// Against the browser of the last refresh.
    pub last: Comparison,
    /// Against the browser that the session began with, where that is another one and can be compared.
    pub since_the_beginning: Option<Comparison>,
}

impl Verdict {
    /// The signals that changed in a way that is tolerated on its own, by either comparison.
    pub fn drifted(&self) -> SignalSet {
        self.union(|comparison| comparison.drifted).without(self.broke())
    }

    /// The signals whose change is refused, by either comparison.
    pub fn broke(&self) -> SignalSet {
        self.union(|comparison| comparison.broke)
    }

    fn union(&self, signals: impl Fn(&Comparison) -> SignalSet) -> SignalSet {
        signals(&self.last).union(self.since_the_beginning.as_ref().map(signals).unwrap_or_default())
    }
}

/// Judges `presented`, made from the request, against what the session is bound to.
pub fn judge(bound: BoundFingerprint<'_>, presented: &Fingerprint) -> Verdict {
    let presented: Vec<Record> = Record::unfold_all(presented).collect();
    let refused = Verdict {
        accepted: false,
        mode: presented.first().map_or(Mode::Enforce, |record| record.mode),
        strictest: None,
        comparable: false,
        last: Comparison::default(),
        since_the_beginning: None,
    };
    let Some(last) = differences(bound.sealed, &presented) else { return refused };
    // A beginning that cannot be compared any more was sealed with a key that has left the ring before its time. The
    // last refresh was accepted against it.
    let first = bound.first.and_then(|first| differences(first, &presented));
    let accepts = |level: Sensitivity| {
        let limits = level.limits();
        let bears = |differences: &Differences, points| {
            let comparison = differences.at(&limits);
            comparison.broke.is_empty() && comparison.points <= points
        };
        bears(&last, limits.budget) && first.as_ref().is_none_or(|first| bears(first, limits.total))
    };
    Verdict {
        accepted: accepts(last.level),
        strictest: Sensitivity::ALL.into_iter().rev().find(|level| accepts(*level)),
        comparable: true,
        last: last.at(&last.level.limits()),
        since_the_beginning: first.map(|first| first.at(&last.level.limits())),
        ..refused
    }
}

/// How two fingerprints differ, whatever the level.
struct Differences {
    /// That of the presented one.
    level: Sensitivity,
    /// With every step forwards among what drifted.
    comparison: Comparison,
    /// The versions that went forwards, and how far.
    steps: [Option<(Signal, u16)>; 2],
}

impl Differences {
    /// At a level steps that are too far break.
    fn at(&self, limits: &Limits) -> Comparison {
        let mut comparison = self.comparison;
        for (signal, _) in
            self.steps.into_iter().flatten().filter(|(_, step)| *step > limits.max_version_jump)
        {
            comparison.broke.insert(signal);
        }
        comparison.drifted = comparison.drifted.without(comparison.broke);
        comparison
    }
}

/// Compares under the first key that both were made with.
fn differences(sealed: &Fingerprint, presented: &[Record]) -> Option<Differences> {
    let sealed = Record::unfold_all(sealed).next()?;
    let presented = presented.iter().find(|record| record.key_id == sealed.key_id)?;
    Some(compare(&sealed, presented))
}

fn compare(sealed: &Record, presented: &Record) -> Differences {
    let mut comparison = Comparison::default();
    let step = |signal, was, is: u16| is.checked_sub(was).map(|step| (signal, step));
    let steps = [
        step(Signal::MajorVersion, sealed.major, presented.major),
        step(Signal::HintedVersion, sealed.hinted, presented.hinted),
    ]
    .map(|step| step.filter(|(signal, _)| sealed.present.contains(*signal)))
    .map(|step| step.filter(|(signal, _)| presented.present.contains(*signal)));
    for (rule, (was, is)) in RULES.iter().zip(sealed.digests.iter().zip(&presented.digests)) {
        let difference = match rule.compare {
            Compare::Equal if u64::from_be_bytes(*was).ct_eq(&u64::from_be_bytes(*is)).into() => {
                Difference::None
            }
            Compare::Equal => Difference::Changed,
            Compare::Forwards => match steps.iter().flatten().find(|(signal, _)| *signal == rule.signal) {
                Some((_, 0)) => Difference::None,
                Some(_) => Difference::Tolerable,
                None => Difference::Changed,
            },
            Compare::Clock => match sealed.timezone.abs_diff(presented.timezone) {
                0 => Difference::None,
                minutes if minutes <= DAYLIGHT_SAVING => Difference::Tolerable,
                _ => Difference::Changed,
            },
        };
        if !sealed.present.contains(rule.signal) {
            continue;
        }
        let effect = match difference {
            _ if !presented.present.contains(rule.signal) => {
                comparison.gone.insert(rule.signal);
                rule.gone
            }
            Difference::None => {
                comparison.held.insert(rule.signal);
                continue;
            }
            Difference::Tolerable => Effect::Weighs(0),
            Difference::Changed => rule.changed,
        };
        match effect {
            Effect::Breaks => comparison.broke.insert(rule.signal),
            Effect::Weighs(points) => {
                comparison.drifted.insert(rule.signal);
                comparison.points += points;
            }
        }
    }
    Differences { level: presented.sensitivity, comparison, steps }
}

enum Difference {
    None,
    Tolerable,
    Changed,
}
