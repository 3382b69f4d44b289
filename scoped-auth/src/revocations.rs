//! What is revoked, and until when that is to be known. [`RevokedSet`] is what every replica holds of it in memory.

mod revoked_set;

use std::fmt;

use chrono::{DateTime, Utc};
use shared_types::{AccountSid, DeploymentKey, Identity, SessionId};

pub use self::revoked_set::RevokedSet;

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
