//! Errors of the desk, in Twilio's form.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Code;

/// The body of an error response: `{code, message, more_info, status}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeskError {
    /// Twilio's number of the error.
    pub code: u32,
    /// For people.
    pub message: String,
    /// Where the error is documented.
    pub more_info: String,
    /// The HTTP status.
    pub status: u16,
}

impl DeskError {
    /// The body for `code` with `message`.
    pub fn new(code: Code, message: &str) -> Self {
        Self {
            code: number(code),
            message: message.to_owned(),
            more_info: format!("https://www.twilio.com/docs/errors/{}", number(code)),
            status: code.status(),
        }
    }
}

/// Twilio's number of an error.
pub const fn number(code: Code) -> u32 {
    match code {
        Code::InvalidRequest | Code::PayloadTooLarge | Code::UnsupportedMediaType => 20001,
        Code::InvalidToken
        | Code::ExpiredToken
        | Code::RevokedToken
        | Code::SessionExpired
        | Code::InvalidDpopProof
        | Code::UseDpopNonce
        | Code::InvalidServiceCredential
        | Code::InvalidApiKey => 20003,
        Code::FingerprintInvalid
        | Code::FingerprintUnavailable
        | Code::OriginNotAllowed
        | Code::DeploymentKeyDisabled
        | Code::Forbidden => 20403,
        Code::DeploymentKeyNotFound | Code::NotFound => 20404,
        Code::MethodNotAllowed => 20004,
        Code::ConversationFull | Code::IdempotencyKeyReused => 20409,
        Code::ConversationClosed => 50377,
        Code::RateLimited => 20429,
        Code::InternalError => 20500,
        Code::UpstreamInvalid | Code::UpstreamUnavailable | Code::UpstreamTimeout => 20503,
    }
}
