//! Key rotation: `scoped-auth keys generate`, `activate` and `retire`. A key is known to every replica before it makes
//! tokens, and opens tokens until the last one that it made has expired.

#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound as _, TimeDelta, Utc};

use super::{KeyFile, KeyFileError, Material, Status, Use};
use crate::{
    claims::CLOCK_SKEW,
    crypto::{Prk, Secret, SecureRandom},
};

/// How long after a change of the file every replica has loaded it. Each reads the file every second, and loads a change at
/// the second read that shows it.
pub const KNOWN_AFTER: Duration = Duration::from_secs(10);

/// How long a signing key is published before it signs: verifiers of assertions may have cached the published keys for 5
/// minutes, and FlexWebchatOrchestratorService serves them for 5 more while it cannot fetch them.
pub const PUBLISHED_BEFORE: Duration = Duration::from_secs(15 * 60);

/// How long a signing key is published at least after its last signature.
const PUBLISHED_AFTER: Duration = Duration::from_secs(15 * 60);

/// How long after its creation a key of this use may become active without [`Force::Now`].
pub const fn known_after(usage: Use) -> Duration {
    match usage {
        Use::Signing => PUBLISHED_BEFORE,
        Use::Encryption | Use::Audit => KNOWN_AFTER,
    }
}

/// Whether a command may break valid tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// No: it fails while it would.
    WhenSafe,
    /// Yes, `--now`: it is done at once.
    Now,
}

/// What [`KeyFile::activate`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activation {
    /// The key was active before.
    AlreadyActive,
    /// The key is active.
    Replaced {
        /// The previous active key.
        retired: String,
        /// When that one expires.
        opens_until: DateTime<Utc>,
    },
}

/// What [`KeyFile::retire`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The key was removed, and was not active.
    Removed,
    /// The key was removed, and this one is active in its place.
    ReplacedBy(String),
}

/// Why a key was not rotated. The message is for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// The file has no such key.
    #[error("there is no key `{0}` in the file")]
    UnknownKey(String),
    /// A replica that has not loaded the key yet would reject its tokens.
    #[error("`{kid}` is not known to every replica before {known_from}; wait, or give --now")]
    TooNew {
        /// The key.
        kid: String,
        /// When every replica knows it.
        known_from: String,
    },
    /// A verifier of assertions that cached the published keys would reject the key's assertions.
    #[error(
        "`{kid}` has not been published for 15 minutes before {known_from}; wait, or give --now: verifiers with cached keys reject assertions for up to 15 minutes"
    )]
    PublishedTooLate {
        /// The key.
        kid: String,
        /// When it may sign.
        known_from: String,
    },
    /// The replicas have dropped the key, so its tokens would be rejected at first.
    #[error("`{0}` has expired; generate another key")]
    Expired(String),
    /// The key is active.
    #[error("`{0}` is active; activate another key first, or give --now to end its tokens at once")]
    Active(String),
    /// The key makes no tokens; there is no routine need to replace it.
    #[error(
        "`{0}` hashes the session ids of the audit log; give --now to replace it, which changes all their hashes"
    )]
    AuditKey(String),
    /// Tokens of the key may still be valid.
    #[error("`{kid}` opens tokens until {until}; wait, or give --now to end them at once")]
    StillInUse {
        /// The key.
        kid: String,
        /// When the last of them has expired.
        until: String,
    },
    /// The file does not say when the last token of the key expires.
    #[error("`{0}` has no `opens_until`; give --now to end its tokens at once, if it has any left")]
    NoExpiry(String),
    /// The random generator or the cryptographic library failed.
    #[error("generating a key failed")]
    Randomness,
}

impl From<crate::crypto::CryptoError> for RotationError {
    fn from(_: crate::crypto::CryptoError) -> Self {
        RotationError::Randomness
    }
}

impl KeyFile {
    /// Adds a key that makes no tokens yet; returns its name.
    pub fn generate(
        &mut self,
        usage: Use,
        rng: &dyn SecureRandom,
        now: DateTime<Utc>,
    ) -> Result<String, RotationError> {
        Ok(self.add(usage, Status::Next, rng, now)?)
    }

    /// Makes a key active. The previous one is retired, and opens as long as one of its tokens may be valid: `session_max`
    /// after the last session that a replica, with its clock ahead and before it loads the change, may begin with it. A
    /// signing key is published for as long, and for 15 minutes at least.
    ///
    /// A retired key may become active again until it expires.
    pub fn activate(
        &mut self,
        kid: &str,
        now: DateTime<Utc>,
        session_max: Duration,
        force: Force,
    ) -> Result<Activation, RotationError> {
        let info = &self.key(kid).ok_or_else(|| RotationError::UnknownKey(kid.to_owned()))?.info;
        let usage = info.usage;
        match info.status {
            Status::Active => return Ok(Activation::AlreadyActive),
            Status::Retired if info.is_expired(now) => return Err(RotationError::Expired(kid.to_owned())),
            Status::Next | Status::Retired => {}
        }
        let known_from = info.made_at.map(|made_at| later(made_at, known_after(usage)));
        if let (Force::WhenSafe, Some(known_from)) = (force, known_from.filter(|time| *time > now)) {
            let (kid, known_from) = (kid.to_owned(), rfc3339(known_from));
            return Err(match usage {
                Use::Signing => RotationError::PublishedTooLate { kid, known_from },
                Use::Encryption | Use::Audit => RotationError::TooNew { kid, known_from },
            });
        }
        let in_use = if usage == Use::Signing { session_max.max(PUBLISHED_AFTER) } else { session_max };
        let opens_until = later(now, in_use.saturating_add(KNOWN_AFTER).saturating_add(CLOCK_SKEW));
        let opens_until = opens_until.trunc_subsecs(0);
        let mut retired = String::new();
        for key in self.keys.iter_mut().filter(|key| key.info.usage == usage) {
            if key.info.kid == kid {
                (key.info.status, key.info.opens_until) = (Status::Active, None);
            } else if key.info.status == Status::Active {
                (key.info.status, key.info.opens_until) = (Status::Retired, Some(opens_until));
                retired.clone_from(&key.info.kid);
            }
        }
        Ok(Activation::Replaced { retired, opens_until })
    }

    /// Removes a key: one that makes no tokens yet, or one that has expired; with [`Force::Now`] any. If it was active, the
    /// newest *next* key of its use becomes active in its place, or a generated one.
    pub fn retire(
        &mut self,
        kid: &str,
        now: DateTime<Utc>,
        force: Force,
        rng: &dyn SecureRandom,
    ) -> Result<Removal, RotationError> {
        let info = self.key(kid).ok_or_else(|| RotationError::UnknownKey(kid.to_owned()))?.info.clone();
        if force == Force::WhenSafe {
            match (info.status, info.opens_until) {
                (Status::Next, _) => {}
                (Status::Active, _) if info.usage == Use::Audit => {
                    return Err(RotationError::AuditKey(info.kid));
                }
                (Status::Active, _) => return Err(RotationError::Active(info.kid)),
                (Status::Retired, None) => return Err(RotationError::NoExpiry(info.kid)),
                (Status::Retired, Some(until)) if until > now => {
                    return Err(RotationError::StillInUse { kid: info.kid, until: rfc3339(until) });
                }
                (Status::Retired, Some(_)) => {}
            }
        }
        self.keys.retain(|key| key.info.kid != info.kid);
        if info.status != Status::Active {
            return Ok(Removal::Removed);
        }
        let next = self.keys.iter_mut().map(|key| &mut key.info);
        let next = next.filter(|key| key.usage == info.usage && key.status == Status::Next);
        if let Some(newest) = next.max_by_key(|key| key.made_at) {
            newest.status = Status::Active;
            return Ok(Removal::ReplacedBy(newest.kid.clone()));
        }
        Ok(Removal::ReplacedBy(self.add(info.usage, Status::Active, rng, now)?))
    }

    /// The key of the audit log. If the file has none, it is derived from the oldest encryption key, under another HKDF
    /// `info` than the token keys.
    pub(crate) fn audit_key(&self) -> Result<Secret, KeyFileError> {
        for key in &self.keys {
            if let Material::Audit(secret) = &key.material {
                return Ok(secret.clone());
            }
        }
        let oldest = self.of(Use::Encryption).min_by_key(|key| key.info.made_at);
        match oldest.map(|key| &key.material) {
            Some(Material::Encryption(secret)) => {
                Ok(Prk::new(&[0; 16], secret).expand_bytes(&[b"webchat-audit-v1"])?)
            }
            Some(Material::Signing(_) | Material::Audit(_)) | None => {
                Err(KeyFileError::Set("no key of use `enc` is active"))
            }
        }
    }

    /// Adds the audit key to the file if it was derived until now, so that it outlives the key that it is derived from.
    pub(super) fn persist_audit_key(
        &mut self,
        rng: &dyn SecureRandom,
        now: DateTime<Utc>,
    ) -> Result<(), KeyFileError> {
        if self.of(Use::Audit).next().is_none() {
            let key = Material::Audit(self.audit_key()?);
            self.add_material(key, Use::Audit, Status::Active, rng, now)?;
        }
        Ok(())
    }
}

/// A time in RFC 3339.
fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn later(time: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
    time.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
