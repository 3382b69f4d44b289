//! Revocations: their targets, and how long they are kept. [`RevokedSet`] is the in-memory copy of every replica.

pub(crate) mod lag;
mod revoked_set;

use std::fmt;

use chrono::{DateTime, Utc};
use shared_types::{AccountSid, DeploymentKey, Identity, SessionId};

pub use self::revoked_set::RevokedSet;

/// The sessions that a revocation ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationTarget {
    /// One session, whenever its tokens were issued.
    Session(SessionId),
    /// The sessions of an identity of an account.
    Identity(AccountSid, Identity),
    /// The sessions that came through a deployment.
    Deployment(DeploymentKey),
    /// The sessions of an account.
    Account(AccountSid),
}

impl RevocationTarget {
    /// The kind of target, as written in the store and the audit log.
    pub const fn kind(&self) -> &'static str {
        match self {
            RevocationTarget::Session(_) => "session",
            RevocationTarget::Identity(..) => "identity",
            RevocationTarget::Deployment(_) => "deployment",
            RevocationTarget::Account(_) => "account",
        }
    }

    /// The target with this [`kind`](Self::kind) and [`to_string`](ToString::to_string).
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

/// A revocation: ends the target's sessions that began up to a time, with all their present and future tokens. The
/// session's beginning counts, not the token's: otherwise a concurrent refresh, here or on a replica that has not read
/// the revocation yet, would make a token that escapes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The sessions that it ends.
    pub target: RevocationTarget,
    /// The latest beginning of a revoked session. Ignored for [`RevocationTarget::Session`].
    pub revoked_at: DateTime<Utc>,
    /// When the last revoked token has expired by itself.
    pub forget_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_round_trip() {
        let session = SessionId::from_random([1; 16]);
        let identity = Identity::from_random([2; 16]);
        let account = AccountSid::from_bits(3);
        for target in [
            RevocationTarget::Session(session),
            RevocationTarget::Identity(account, identity),
            RevocationTarget::Deployment(DeploymentKey::from_bits(4)),
            RevocationTarget::Account(account),
        ] {
            assert_eq!(RevocationTarget::parse(target.kind(), &target.to_string()), Some(target));
        }
        for (kind, text) in [("session", "x"), ("identity", "AC1/2"), ("account", ""), ("other", "")] {
            assert_eq!(RevocationTarget::parse(kind, text), None);
        }
    }
}
