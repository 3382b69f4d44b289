//! Compares a presented fingerprint with the fingerprint of the token (`SAS ->> SAS`), by the policy and without any
//! key. Every signal is compared, digests in constant time, even after a mismatch. So timing reveals nothing, and the
//! audit log names every signal that differs.

use subtle::ConstantTimeEq as _;

use super::{
    Fingerprint, Mode, Sensitivity, Signal, SignalSet,
    policy::{Compare, DAYLIGHT_SAVING, Effect, Limits, RULES},
    record::Record,
};

/// The fingerprints that a session is bound to.
#[derive(Clone, Copy, Debug)]
pub struct BoundFingerprint<'a> {
    /// The fingerprint at the time the token was made.
    pub sealed: &'a Fingerprint,
    /// The fingerprint at the start of the session, if it has changed since.
    pub first: Option<&'a Fingerprint>,
}

/// Difference between two fingerprints, at one level. Signals that the older one lacks are in none of the sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The unchanged signals.
    pub held: SignalSet,
    /// The signals that changed or are missing, where the policy does not reject that by itself.
    pub drifted: SignalSet,
    /// The signals whose change rejects the session, regardless of all others.
    pub broke: SignalSet,
    /// The signals in `drifted` or `broke` that are missing from the newer fingerprint.
    pub missing: SignalSet,
    /// Sum of the points of the drifted signals.
    pub points: u16,
}

/// Result of [`judge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the session is accepted, at the level in the presented fingerprint.
    pub accepted: bool,
    /// The account's mode, which applies if the session is not accepted.
    pub mode: Mode,
    /// The strictest level that accepts the session. Shows how a change of the account's level would affect this guest.
    pub strictest: Option<Sensitivity>,
    /// Whether both fingerprints have a record of the same version and key. If not, nothing was compared.
    pub comparable: bool,
    /// Comparison with the fingerprint of the last refresh.
    pub last: Comparison,
    /// Comparison with the fingerprint at the start of the session, if that is another one and is comparable.
    pub since_session_start: Option<Comparison>,
}

impl Verdict {
    /// The signals that drifted in either comparison and broke in neither.
    pub fn drifted(&self) -> SignalSet {
        self.union(|comparison| comparison.drifted).without(self.broke())
    }

    /// The signals that broke in either comparison.
    pub fn broke(&self) -> SignalSet {
        self.union(|comparison| comparison.broke)
    }

    fn union(&self, signals: impl Fn(&Comparison) -> SignalSet) -> SignalSet {
        signals(&self.last).union(self.since_session_start.as_ref().map(signals).unwrap_or_default())
    }
}

/// Decides whether `presented`, the fingerprint of the request, is accepted for a session bound to `bound`.
pub fn judge(bound: BoundFingerprint<'_>, presented: &Fingerprint) -> Verdict {
    let presented: Vec<Record> = Record::decode_all(presented).collect();
    let refused = Verdict {
        accepted: false,
        mode: presented.first().map_or(Mode::Enforce, |record| record.mode),
        strictest: None,
        comparable: false,
        last: Comparison::default(),
        since_session_start: None,
    };
    let Some(last) = differences(bound.sealed, &presented) else { return refused };
    // Skipped if not comparable: its key was removed from the ring too early. The last refresh was accepted against it.
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
        since_session_start: first.map(|first| first.at(&last.level.limits())),
        ..refused
    }
}

/// Difference between two fingerprints, before a level's limits apply.
struct Differences {
    /// The level of the presented fingerprint.
    level: Sensitivity,
    /// Every version increase counts as drifted, whatever its size.
    comparison: Comparison,
    /// The versions that did not decrease, each with its increase.
    steps: [Option<(Signal, u16)>; 2],
}

impl Differences {
    /// Applies a level's limits: a version increase above `max_version_jump` breaks.
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

/// Compares the first record of `sealed` with the presented record of the same key. `None` if there is none.
fn differences(sealed: &Fingerprint, presented: &[Record]) -> Option<Differences> {
    let sealed = Record::decode_all(sealed).next()?;
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
                comparison.missing.insert(rule.signal);
                rule.missing
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
