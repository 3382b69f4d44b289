//! Compares a presented fingerprint with the fingerprint of the token (`SAS ->> SAS`), by the policy and without any
//! key. Every signal is compared, digests in constant time, even after a mismatch. So timing reveals nothing, and the
//! audit log names every signal that differs.

use super::{
    Fingerprint, Mode, Sensitivity, SignalSet,
    compare::{Differences, Since, compare},
    record::Record,
};

/// The fingerprints that a session is bound to.
#[derive(Clone, Copy, Debug)]
pub struct BoundFingerprint<'a> {
    /// The fingerprint at the time the token was made.
    pub sealed: &'a Fingerprint,
    /// The fingerprint at the start of the session, if it has changed since.
    pub first: Option<&'a Fingerprint>,
    /// Whether the session is bound to a DPoP key and the request has a valid proof by it. Then neither another face nor
    /// other product names end the session.
    pub key_is_proved: bool,
}

/// Difference between two fingerprints, at one level. Signals that the older one lacks are in none of the sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The signals without a difference.
    pub held: SignalSet,
    /// The signals that are different or missing, where the policy does not reject that by itself.
    pub drifted: SignalSet,
    /// The signals whose difference rejects the session, regardless of all others.
    pub broke: SignalSet,
    /// The signals in `drifted` or `broke` that are missing from the newer fingerprint.
    pub missing: SignalSet,
    /// Sum of the points of the drifted signals.
    pub points: u16,
    /// Maximum of the points.
    pub budget: u16,
    /// Number of counted signals that held, or drifted at no cost.
    pub counted: u32,
    /// Least number of them: that of the level, or all if the older fingerprint has fewer.
    pub least: u32,
}

impl Comparison {
    /// Whether the level accepts the difference.
    pub const fn is_accepted(&self) -> bool {
        self.broke.is_empty() && self.points <= self.budget && self.counted >= self.least
    }
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
    /// Whether both fingerprints have a record of the same version and key. If not, nothing was compared: a key or a
    /// format was removed too early, which is a fault of the operator and not another browser.
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
    let key_is_proved = bound.key_is_proved;
    let differences = |sealed, since| differences(sealed, &presented, since, key_is_proved);
    let Some((level, last)) = differences(bound.sealed, Since::LastRefresh) else { return refused };
    // Skipped if not comparable: its key was removed from the ring too early. The last refresh was accepted against it.
    let first = bound.first.and_then(|first| differences(first, Since::SessionStart)).map(|(_, first)| first);
    let accepts = |level: Sensitivity| {
        last.at(level).is_accepted() && first.as_ref().is_none_or(|first| first.at(level).is_accepted())
    };
    let strictest = Sensitivity::ALL.into_iter().rev().find(|level| accepts(*level));
    Verdict {
        // What a level accepts, more tolerant ones accept too.
        accepted: strictest.is_some_and(|strictest| strictest as u8 >= level as u8),
        strictest,
        comparable: true,
        last: last.at(level),
        since_session_start: first.map(|first| first.at(level)),
        ..refused
    }
}

/// Whether a fingerprint has as many counted signals as a level asks of a new session. A fingerprint that cannot be
/// decoded has none.
pub(super) fn has_enough_signals(fingerprint: &Fingerprint, level: Sensitivity) -> bool {
    let record = Record::decode_all(fingerprint).next();
    record.is_some_and(|record| record.counted().len() >= level.limits().least_held)
}

/// Compares the first record of `sealed` with the presented record of the same key, and returns the presented level too.
/// `None` if there is none.
fn differences(
    sealed: &Fingerprint,
    presented: &[Record],
    since: Since,
    key_is_proved: bool,
) -> Option<(Sensitivity, Differences)> {
    let sealed = Record::decode_all(sealed).next()?;
    let presented = presented.iter().find(|record| record.key_id == sealed.key_id)?;
    Some((presented.sensitivity, compare(&sealed, presented, since, key_is_proved)))
}
