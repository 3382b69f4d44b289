//! A token in an answer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::SealedToken;

/// `{token, expiration, expires_in, refresh_after}`: an issued token with its lifetime. Each answer that brings a token
/// contains these members (contract, section 1).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenAnswer {
    /// The token, bound to the guest's browser where the account's feature is on.
    pub token: SealedToken,
    /// When the token expires.
    #[serde(with = "crate::timestamp")]
    pub expiration: DateTime<Utc>,
    /// The same in seconds from now, for clients whose clock is wrong.
    pub expires_in: u32,
    /// Seconds after which the page should refresh the token: before it expires, and spread over the sessions of a fleet.
    pub refresh_after: u32,
}
