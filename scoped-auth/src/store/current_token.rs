//! The row of a session: what its current token has and an older token of the session has not.

use chrono::{DateTime, Utc};
use shared_types::{Fingerprint, SessionId};
use store::Row;

use super::{StoreError, date};

/// The columns that [`CurrentToken::from_row`] reads, in its order.
pub(super) const COLUMNS: &str = "generation, advanced_at, expires_at, fingerprint, first_fingerprint, shown";

/// The current token of a session. Together with the claims of any older token of the session it determines the
/// current token's claims, whatever has been configured since.
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
    /// The browser that the session began with, where that is another.
    pub first_fingerprint: Option<Fingerprint>,
    /// Whether it was presented since.
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
    /// The browser that the session began with, where that is another.
    pub first_fingerprint: Option<Fingerprint>,
}

/// The outcome of [`Advance`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdvanceOutcome {
    /// The session advanced: of all requests with this generation this one was the first.
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
    pub(super) fn from_row(row: Row<'_>) -> Result<Self, StoreError> {
        let fingerprint = |column| -> Result<Option<Fingerprint>, StoreError> {
            let Some(text) = row.get::<Option<&str>>(column)? else { return Ok(None) };
            Fingerprint::new(text.to_owned()).map(Some).ok_or(StoreError::Malformed("fingerprint"))
        };
        Ok(Self {
            generation: generation(row.get(0)?)?,
            advanced_at: date(row.get(1)?)?,
            expires_at: date(row.get(2)?)?,
            fingerprint: fingerprint(3)?,
            first_fingerprint: fingerprint(4)?,
            shown: row.get::<i64>(5)? != 0,
        })
    }
}

pub(super) fn generation(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| StoreError::Malformed("generation"))
}

/// The time as the store keeps it.
fn millis(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(time.timestamp_millis()).unwrap_or(time)
}
