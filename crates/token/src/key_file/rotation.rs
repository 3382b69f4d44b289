//! `scoped-auth keys generate`, `activate` and `retire`: one key takes the place of another. A key is known to every
//! replica before it makes tokens, and opens until the last token that it made is dead.

#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound as _, TimeDelta, Utc};

use super::{KeyFile, KeyFileError, Material, Status, Use};
use crate::{
    claims::CLOCK_SKEW,
    crypto::{Prk, Secret, SecureRandom},
};

/// How long after a change of the file every replica knows of it. Each reads the file every second and takes a change
/// at the second read that shows it.
pub const KNOWN_AFTER: Duration = Duration::from_secs(10);

/// Whether a command waits for the time that makes it harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It is refused until then.
    WhenSafe,
    /// `--now`: it is done at once, and what comes of it is wanted.
    Now,
}

/// What [`KeyFile::activate`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activated {
    /// The key made tokens before.
    Already,
    /// The key makes tokens.
    InPlaceOf {
        /// The key that did.
        retired: String,
        /// Until when that one opens.
        opens_until: DateTime<Utc>,
    },
}

/// What [`KeyFile::retire`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retired {
    /// The key is gone, and was not in use.
    Removed,
    /// The key is gone, and this one is active in its place.
    ReplacedBy(String),
}

/// Why a command was not done. A sentence for whoever gave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RotationError {
    /// There is no such key.
    #[error("there is no key `{0}` in the file")]
    Unknown(String),
    /// A replica that does not know the key yet would refuse the tokens that it makes.
    #[error("`{kid}` is not known to every replica before {known_from}; wait, or give --now")]
    JustMade {
        /// The key.
        kid: String,
        /// When it will be.
        known_from: String,
    },
    /// The replicas have forgotten the key, so tokens that it made would be refused at first.
    #[error("the time of `{0}` is over; generate another key")]
    Over(String),
    /// Tokens are made with the key.
    #[error("`{0}` is active; activate another key first, or give --now to end its tokens at once")]
    Active(String),
    /// The key makes no tokens; it is never in the way.
    #[error(
        "`{0}` hides the session ids of the audit log; with --now they get other names there from then on"
    )]
    Audit(String),
    /// Tokens that the key made may live.
    #[error("`{kid}` opens tokens until {until}; wait, or give --now to end them at once")]
    StillOpens {
        /// The key.
        kid: String,
        /// When the last of them is dead.
        until: String,
    },
    /// The file does not say when the last token that the key made is dead.
    #[error("`{0}` has no `opens_until`; give --now to end its tokens at once, if it has any left")]
    Endless(String),
    /// No key could be made.
    #[error("no key could be made")]
    Randomness,
}

impl From<crate::crypto::CryptoError> for RotationError {
    fn from(_: crate::crypto::CryptoError) -> Self {
        RotationError::Randomness
    }
}

impl KeyFile {
    /// Adds a key that makes no tokens yet, and gives its name.
    pub fn generate(
        &mut self,
        usage: Use,
        rng: &dyn SecureRandom,
        now: DateTime<Utc>,
    ) -> Result<String, RotationError> {
        Ok(self.add(usage, Status::Next, rng, now)?)
    }

    /// Makes a key active. The one that was opens on for as long as a token of its may be of use: until the session
    /// that a replica began with it last, not yet knowing of the change and its clock ahead, has lasted `session_max`.
    ///
    /// A retired key may become active again while it opens.
    pub fn activate(
        &mut self,
        kid: &str,
        now: DateTime<Utc>,
        session_max: Duration,
        force: Force,
    ) -> Result<Activated, RotationError> {
        let info = &self.key(kid).ok_or_else(|| RotationError::Unknown(kid.to_owned()))?.info;
        let usage = info.usage;
        match info.status {
            Status::Active => return Ok(Activated::Already),
            Status::Retired if info.is_over(now) => return Err(RotationError::Over(kid.to_owned())),
            Status::Next | Status::Retired => {}
        }
        let known_from = info.made_at.map(|made_at| later(made_at, KNOWN_AFTER));
        if let (Force::WhenSafe, Some(known_from)) = (force, known_from.filter(|time| *time > now)) {
            return Err(RotationError::JustMade { kid: kid.to_owned(), known_from: text(known_from) });
        }
        let opens_until = later(now, session_max.saturating_add(KNOWN_AFTER).saturating_add(CLOCK_SKEW));
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
        Ok(Activated::InPlaceOf { retired, opens_until })
    }

    /// Removes a key: one that makes no tokens yet, or one whose time is over; in haste any. If that was the active
    /// one, the newest that waits becomes active in its place, or a fresh one.
    pub fn retire(
        &mut self,
        kid: &str,
        now: DateTime<Utc>,
        force: Force,
        rng: &dyn SecureRandom,
    ) -> Result<Retired, RotationError> {
        let info = self.key(kid).ok_or_else(|| RotationError::Unknown(kid.to_owned()))?.info.clone();
        if force == Force::WhenSafe {
            match (info.status, info.opens_until) {
                (Status::Next, _) => {}
                (Status::Active, _) if info.usage == Use::Audit => {
                    return Err(RotationError::Audit(info.kid));
                }
                (Status::Active, _) => return Err(RotationError::Active(info.kid)),
                (Status::Retired, None) => return Err(RotationError::Endless(info.kid)),
                (Status::Retired, Some(until)) if until > now => {
                    return Err(RotationError::StillOpens { kid: info.kid, until: text(until) });
                }
                (Status::Retired, Some(_)) => {}
            }
        }
        self.keys.retain(|key| key.info.kid != info.kid);
        if info.status != Status::Active {
            return Ok(Retired::Removed);
        }
        let waiting = self.keys.iter_mut().map(|key| &mut key.info);
        let waiting = waiting.filter(|key| key.usage == info.usage && key.status == Status::Next);
        if let Some(newest) = waiting.max_by_key(|key| key.made_at) {
            newest.status = Status::Active;
            return Ok(Retired::ReplacedBy(newest.kid.clone()));
        }
        Ok(Retired::ReplacedBy(self.add(info.usage, Status::Active, rng, now)?))
    }

    /// The key for the audit log. A file without one has it nevertheless: derived from its oldest encryption key, from
    /// which token keys are derived too, but with other words.
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

    /// Lists the audit key that has been derived until now, so that it outlives the key that it is derived from.
    pub(super) fn keep_audit_key(
        &mut self,
        rng: &dyn SecureRandom,
        now: DateTime<Utc>,
    ) -> Result<(), KeyFileError> {
        if self.of(Use::Audit).next().is_none() {
            let key = Material::Audit(self.audit_key()?);
            self.add_made(key, Use::Audit, Status::Active, rng, now)?;
        }
        Ok(())
    }
}

/// A time as people and programs read it.
pub(crate) fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn later(time: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
    time.checked_add_signed(by).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
