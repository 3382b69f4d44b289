//! The revoked set: what every replica holds in memory, so that judging a token asks nobody. It is fed from the store
//! by `sessions`.

use std::{
    collections::HashMap,
    fmt,
    sync::{PoisonError, RwLock},
};

use chrono::{DateTime, Utc};
use shared_types::{AccountSid, DeploymentKey, Identity, SessionId};

use crate::claims::Claims;

/// Whose tokens a revocation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Those of one session, whenever they were issued.
    Session(SessionId),
    /// Those of an identity of an account.
    Identity(AccountSid, Identity),
    /// Those made for a deployment.
    Deployment(DeploymentKey),
    /// Those of an account.
    Account(AccountSid),
}

impl Subject {
    /// What kind of subject it is, as the store and the audit log name it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Subject::Session(_) => "session",
            Subject::Identity(..) => "identity",
            Subject::Deployment(_) => "deployment",
            Subject::Account(_) => "account",
        }
    }

    /// The subject that [`kind`](Self::kind) and [`to_string`](ToString::to_string) were of.
    pub fn parse(kind: &str, text: &str) -> Option<Self> {
        match kind {
            "session" => text.parse().ok().map(Subject::Session),
            "identity" => {
                let (account, identity) = text.split_once('/')?;
                Some(Subject::Identity(account.parse().ok()?, identity.parse().ok()?))
            }
            "deployment" => text.parse().ok().map(Subject::Deployment),
            "account" => text.parse().ok().map(Subject::Account),
            _ => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Session(session) => session.fmt(f),
            Subject::Identity(account, identity) => write!(f, "{account}/{identity}"),
            Subject::Deployment(deployment) => deployment.fmt(f),
            Subject::Account(account) => account.fmt(f),
        }
    }
}

/// A revocation: the sessions of the subject that began up to a time are dead, with all tokens they have or will have.
/// It goes by the session's beginning, not by the token's: otherwise a refresh that is under way meanwhile, here or on a
/// replica that does not know yet, would make a token that escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Whose tokens.
    pub subject: Subject,
    /// Up to when they began; a session of its own is dead altogether.
    pub revoked_at: DateTime<Utc>,
    /// When the last of them has died by itself.
    pub forget_at: DateTime<Utc>,
}

/// The revocations in force. Looking a token up costs four look-ups, however many there are; the lock is held for
/// longer than a look-up only while news from the store are added.
#[derive(Debug, Default)]
pub struct RevokedSet(RwLock<HashMap<Subject, Revocation>>);

impl RevokedSet {
    /// Adds revocations; of two of one subject the later one holds.
    pub fn add(&self, revocations: impl IntoIterator<Item = Revocation>) {
        let mut set = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for new in revocations {
            let kept = set.entry(new.subject).or_insert(new);
            if kept.revoked_at < new.revoked_at {
                *kept = new;
            }
        }
    }

    /// Whether the token with these claims has been revoked.
    pub fn holds(&self, claims: &Claims) -> bool {
        let set = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if set.is_empty() {
            return false;
        }
        let up_to =
            |subject: Subject| set.get(&subject).is_some_and(|kept| claims.began_at() <= kept.revoked_at);
        set.contains_key(&Subject::Session(claims.sid))
            || up_to(Subject::Account(claims.sub))
            || up_to(Subject::Identity(claims.sub, claims.grants.identity))
            || claims.deployment().is_some_and(|deployment| up_to(Subject::Deployment(deployment)))
    }

    /// Forgets what is of no more use at `now`.
    pub fn forget(&self, now: DateTime<Utc>) {
        let mut set = self.0.write().unwrap_or_else(PoisonError::into_inner);
        set.retain(|_, kept| kept.forget_at > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_round_trip() {
        let session = SessionId::from_random([1; 16]);
        let identity = Identity::from_random([2; 16]);
        let account = AccountSid::from_bits(3);
        for subject in [
            Subject::Session(session),
            Subject::Identity(account, identity),
            Subject::Deployment(DeploymentKey::from_bits(4)),
            Subject::Account(account),
        ] {
            assert_eq!(Subject::parse(subject.kind(), &subject.to_string()), Some(subject));
        }
        for (kind, text) in [("session", "x"), ("identity", "AC1/2"), ("account", ""), ("other", "")] {
            assert_eq!(Subject::parse(kind, text), None);
        }
    }
}
