//! The row of a session: the fields of its current token that an older token of the session does not have.

use ::store::Row;
use chrono::{DateTime, SubsecRound as _, Utc};
use shared_types::{Fingerprint, SessionId};
use token::claims::{Claims, jti};

use super::{StoreError, date};

/// The current token of a session. With the claims of any older token of the session it determines the current token's
/// claims, independent of the present configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentToken {
    /// Its generation.
    pub generation: u32,
    /// When it was made, to the millisecond.
    pub advanced_at: DateTime<Utc>,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// The browser that it is bound to.
    pub fingerprint: Option<Fingerprint>,
    /// The browser that the session began with, if it differs.
    pub first_fingerprint: Option<Fingerprint>,
    /// Whether it was presented since it was made.
    pub shown: bool,
}

/// A request to replace the token of `generation` by the next one.
#[derive(Clone, Debug)]
pub struct Advance {
    /// The session.
    pub session: SessionId,
    /// The generation of the token that is replaced.
    pub generation: u32,
    /// When the next token is made.
    pub now: DateTime<Utc>,
    /// When the next token expires.
    pub expires_at: DateTime<Utc>,
    /// When the session ends.
    pub ends_at: DateTime<Utc>,
    /// The browser that the next token is bound to.
    pub fingerprint: Option<Fingerprint>,
    /// The browser that the session began with, if it differs.
    pub first_fingerprint: Option<Fingerprint>,
}

/// The outcome of [`Advance`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdvanceOutcome {
    /// The session advanced: this request was the first with its generation.
    Advanced {
        /// The generation that was current in the store; less than that of the request after an older copy of the
        /// store was restored.
        replaced: u32,
    },
    /// Nothing was written: the store's current token is a later one.
    Current(CurrentToken),
}

impl Advance {
    /// The current token after the session advanced.
    pub fn next(&self) -> CurrentToken {
        CurrentToken {
            generation: self.generation.saturating_add(1),
            advanced_at: millis(self.now),
            expires_at: millis(self.expires_at),
            fingerprint: self.fingerprint.clone(),
            first_fingerprint: self.first_fingerprint.clone(),
            shown: false,
        }
    }
}

impl CurrentToken {
    /// The claims of this token, from those of an `older` one of the same session: account, identity, grants and proof key
    /// are the same.
    pub fn claims(&self, older: &Claims) -> Claims {
        // Claims are in whole seconds.
        let (made_at, expires_at) = (self.advanced_at.trunc_subsecs(0), self.expires_at.trunc_subsecs(0));
        Claims {
            jti: jti(older.sid, self.generation, self.advanced_at),
            iat: made_at,
            nbf: made_at,
            exp: expires_at,
            generation: self.generation,
            fingerprint: self.fingerprint.clone(),
            first_fingerprint: self.first_fingerprint.clone(),
            ..older.clone()
        }
    }

    pub(super) fn from_row(row: Row<'_>) -> Result<Self, StoreError> {
        let fingerprint = |column| -> Result<Option<Fingerprint>, StoreError> {
            let Some(text) = row.get::<Option<&str>>(column)? else { return Ok(None) };
            Fingerprint::new(text.to_owned()).map(Some).ok_or(StoreError::Malformed("fingerprint"))
        };
        Ok(Self {
            generation: generation(row.get("generation")?)?,
            advanced_at: date(row.get("advanced_at")?)?,
            expires_at: date(row.get("expires_at")?)?,
            fingerprint: fingerprint("fingerprint")?,
            first_fingerprint: fingerprint("first_fingerprint")?,
            shown: row.get::<i64>("shown")? != 0,
        })
    }
}

pub(super) fn generation(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| StoreError::Malformed("generation"))
}

/// The time in the store's precision, milliseconds.
fn millis(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(time.timestamp_millis()).unwrap_or(time)
}
