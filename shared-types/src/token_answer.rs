//! An issued token in a response.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SealedToken;

/// `{token, expiration, expires_in, refresh_after}`: an issued token with its lifetime. Every response with a
/// token contains these members (contract, section 1).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TokenAnswer {
    /// The token. With the account's feature on, it is bound to the guest's browser.
    pub token: SealedToken,
    /// When the token expires.
    #[serde(with = "crate::timestamp")]
    #[schemars(schema_with = "crate::timestamp::schema")]
    pub expiration: DateTime<Utc>,
    /// The same in seconds from now, for clients with a wrong clock.
    pub expires_in: u32,
    /// Seconds after which the page should refresh the token: before it expires, and spread over the sessions of a fleet.
    pub refresh_after: u32,
}
