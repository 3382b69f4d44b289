//! What is revoked, and until when that is to be known. [`RevokedSet`] is what every replica holds of it in memory.

mod revoked_set;

use std::fmt;

use chrono::{DateTime, Utc};
use shared_types::{AccountSid, DeploymentKey, Identity, SessionId};

pub use self::revoked_set::RevokedSet;

/// Whose tokens a revocation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationTarget {
    /// Those of one session, whenever they were issued.
    Session(SessionId),
    /// Those of an identity of an account.
    Identity(AccountSid, Identity),
    /// Those made for a deployment.
    Deployment(DeploymentKey),
    /// Those of an account.
    Account(AccountSid),
}

impl RevocationTarget {
    /// What kind of subject it is, as the store and the audit log name it.
    pub const fn kind(&self) -> &'static str {
        match self {
            RevocationTarget::Session(_) => "session",
            RevocationTarget::Identity(..) => "identity",
            RevocationTarget::Deployment(_) => "deployment",
            RevocationTarget::Account(_) => "account",
        }
    }

    /// The subject that [`kind`](Self::kind) and [`to_string`](ToString::to_string) were of.
    pub fn parse(kind: &str, text: &str) -> Option<Self> {
        match kind {
            "session" => text.parse().ok().map(RevocationTarget::Session),
            "identity" => {
                let (account, identity) = text.split_once('/')?;
                Some(RevocationTarget::Identity(account.parse().ok()?, identity.parse().ok()?))
            }
            "deployment" => text.parse().ok().map(RevocationTarget::Deployment),
            "account" => text.parse().ok().map(RevocationTarget::Account),
            _ => None,
        }
    }
}

impl fmt::Display for RevocationTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RevocationTarget::Session(session) => session.fmt(f),
            RevocationTarget::Identity(account, identity) => write!(f, "{account}/{identity}"),
            RevocationTarget::Deployment(deployment) => deployment.fmt(f),
            RevocationTarget::Account(account) => account.fmt(f),
        }
    }
}

/// A revocation: the sessions of the subject that began up to a time are dead, with all tokens they have or will have.
/// It goes by the session's beginning, not by the token's: otherwise a refresh that is under way meanwhile, here or on a
/// replica that does not know yet, would make a token that escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Whose tokens.
    pub subject: RevocationTarget,
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
            RevocationTarget::Session(session),
            RevocationTarget::Identity(account, identity),
            RevocationTarget::Deployment(DeploymentKey::from_bits(4)),
            RevocationTarget::Account(account),
        ] {
            assert_eq!(RevocationTarget::parse(subject.kind(), &subject.to_string()), Some(subject));
        }
        for (kind, text) in [("session", "x"), ("identity", "AC1/2"), ("account", ""), ("other", "")] {
            assert_eq!(RevocationTarget::parse(kind, text), None);
        }
    }
}
