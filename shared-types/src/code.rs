//! Error codes (contract, section 6): each `code` with its HTTP status, and the error body that contains it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::verdict::No;

/// The `code` of an error body: why a request was rejected, for programs.
///
/// `InvalidServiceCredential` is an addition to the contract's table and returned only between services. `InvalidApiKey` and
/// `Forbidden` are returned only by the desk's listener. `InternalError` means that the fault is in this service and in no
/// other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// 400: malformed body, missing or malformed field.
    InvalidRequest,
    /// 401: not a token, or of another key or account, or tampered, or not yet valid.
    InvalidToken,
    /// 401: authentic, but past its `exp`.
    ExpiredToken,
    /// 401: authentic, but revoked.
    RevokedToken,
    /// 401: authentic, but its session has reached its maximum lifetime.
    SessionExpired,
    /// 401: the session is bound to a proof key, and the request has no valid DPoP proof by that key (RFC 9449).
    InvalidDpopProof,
    /// 401: the DPoP proof has no current nonce; this response supplies one (RFC 9449, section 8).
    UseDpopNonce,
    /// 401: a request to an internal route without a valid service credential.
    InvalidServiceCredential,
    /// 401: a request to the desk's listener without a valid API key.
    InvalidApiKey,
    /// 403: authentic token, but from another browser.
    FingerprintInvalid,
    /// 403: the request lacks the headers that a fingerprint is generated from.
    FingerprintUnavailable,
    /// 403: the page's origin is not on the deployment's list.
    OriginNotAllowed,
    /// 403: the deployment is disabled.
    DeploymentKeyDisabled,
    /// 403: the API key lacks the scope, or the request to the desk's listener comes from a browser.
    Forbidden,
    /// 404: no account has this deployment key.
    DeploymentKeyNotFound,
    /// 404: no such route, or no such conversation for this identity.
    NotFound,
    /// 409: the conversation has the maximum number of messages or bytes of its guest; the session's next one can be
    /// opened.
    ConversationFull,
    /// 409: the conversation is closed; nothing can be added to it.
    ConversationClosed,
    /// 409: the `Idempotency-Key` was used for another message of the conversation.
    IdempotencyKeyReused,
    /// 405, with `Allow`.
    MethodNotAllowed,
    /// 413: a body over 16 KiB, or over 100 KiB for a message.
    PayloadTooLarge,
    /// 415: neither JSON nor, on public routes, a form.
    UnsupportedMediaType,
    /// 429, with `Retry-After`.
    RateLimited,
    /// 500: a fault of this service.
    InternalError,
    /// 502: the response of another service violates the contract.
    UpstreamInvalid,
    /// 503, with `Retry-After`: another service cannot be reached.
    UpstreamUnavailable,
    /// 504: another service did not respond in time.
    UpstreamTimeout,
}

impl Code {
    /// Every code, in the order of the table.
    pub const ALL: [Code; 27] = [
        Code::InvalidRequest,
        Code::InvalidToken,
        Code::ExpiredToken,
        Code::RevokedToken,
        Code::SessionExpired,
        Code::InvalidDpopProof,
        Code::UseDpopNonce,
        Code::InvalidServiceCredential,
        Code::InvalidApiKey,
        Code::FingerprintInvalid,
        Code::FingerprintUnavailable,
        Code::OriginNotAllowed,
        Code::DeploymentKeyDisabled,
        Code::Forbidden,
        Code::DeploymentKeyNotFound,
        Code::NotFound,
        Code::ConversationFull,
        Code::ConversationClosed,
        Code::IdempotencyKeyReused,
        Code::MethodNotAllowed,
        Code::PayloadTooLarge,
        Code::UnsupportedMediaType,
        Code::RateLimited,
        Code::InternalError,
        Code::UpstreamInvalid,
        Code::UpstreamUnavailable,
        Code::UpstreamTimeout,
    ];

    /// The HTTP status of a response with this code.
    pub const fn status(self) -> u16 {
        match self {
            Code::InvalidRequest => 400,
            Code::InvalidToken
            | Code::ExpiredToken
            | Code::RevokedToken
            | Code::SessionExpired
            | Code::InvalidDpopProof
            | Code::UseDpopNonce
            | Code::InvalidServiceCredential
            | Code::InvalidApiKey => 401,
            Code::FingerprintInvalid
            | Code::FingerprintUnavailable
            | Code::OriginNotAllowed
            | Code::DeploymentKeyDisabled
            | Code::Forbidden => 403,
            Code::DeploymentKeyNotFound | Code::NotFound => 404,
            Code::ConversationFull | Code::ConversationClosed | Code::IdempotencyKeyReused => 409,
            Code::MethodNotAllowed => 405,
            Code::PayloadTooLarge => 413,
            Code::UnsupportedMediaType => 415,
            Code::RateLimited => 429,
            Code::InternalError => 500,
            Code::UpstreamInvalid => 502,
            Code::UpstreamUnavailable => 503,
            Code::UpstreamTimeout => 504,
        }
    }

    /// The code as it is written in error bodies, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::InvalidRequest => "invalid_request",
            Code::InvalidToken => "invalid_token",
            Code::ExpiredToken => "expired_token",
            Code::RevokedToken => "revoked_token",
            Code::SessionExpired => "session_expired",
            Code::InvalidDpopProof => "invalid_dpop_proof",
            Code::UseDpopNonce => "use_dpop_nonce",
            Code::InvalidServiceCredential => "invalid_service_credential",
            Code::InvalidApiKey => "invalid_api_key",
            Code::FingerprintInvalid => "fingerprint_invalid",
            Code::FingerprintUnavailable => "fingerprint_unavailable",
            Code::OriginNotAllowed => "origin_not_allowed",
            Code::DeploymentKeyDisabled => "deployment_key_disabled",
            Code::Forbidden => "forbidden",
            Code::DeploymentKeyNotFound => "deployment_key_not_found",
            Code::NotFound => "not_found",
            Code::ConversationFull => "conversation_full",
            Code::ConversationClosed => "conversation_closed",
            Code::IdempotencyKeyReused => "idempotency_key_reused",
            Code::MethodNotAllowed => "method_not_allowed",
            Code::PayloadTooLarge => "payload_too_large",
            Code::UnsupportedMediaType => "unsupported_media_type",
            Code::RateLimited => "rate_limited",
            Code::InternalError => "internal_error",
            Code::UpstreamInvalid => "upstream_invalid",
            Code::UpstreamUnavailable => "upstream_unavailable",
            Code::UpstreamTimeout => "upstream_timeout",
        }
    }

    /// The default `message` for people, if the error itself has no more specific one.
    pub const fn sentence(self) -> &'static str {
        match self {
            Code::InvalidRequest => "The request is malformed.",
            Code::InvalidToken => "The token is not valid.",
            Code::ExpiredToken => "The token has expired.",
            Code::RevokedToken => "The token has been revoked.",
            Code::SessionExpired => "The session has ended; please start a new one.",
            Code::InvalidDpopProof => "A valid DPoP proof for this session's key is required.",
            Code::UseDpopNonce => "The DPoP proof needs the nonce of this answer.",
            Code::InvalidServiceCredential => "The caller did not prove which service it is.",
            Code::InvalidApiKey => "A valid API key is required.",
            Code::FingerprintInvalid => "The token was made for another browser.",
            Code::FingerprintUnavailable => "The request does not show which browser it comes from.",
            Code::OriginNotAllowed => "This page's origin may not use this deployment.",
            Code::DeploymentKeyDisabled => "This deployment is switched off.",
            Code::Forbidden => "This is not allowed.",
            Code::DeploymentKeyNotFound => "There is no such deployment key.",
            Code::NotFound => "There is nothing here.",
            Code::ConversationFull => "This conversation is full; please open the next one.",
            Code::ConversationClosed => "This conversation is closed.",
            Code::IdempotencyKeyReused => "This idempotency key was used for another message.",
            Code::MethodNotAllowed => "This method is not allowed here.",
            Code::PayloadTooLarge => "The body is too large.",
            Code::UnsupportedMediaType => "The body's content type is not supported.",
            Code::RateLimited => "Too many requests; please wait.",
            Code::InternalError => "Something went wrong on our side.",
            Code::UpstreamInvalid => "A service behind this one gave an answer that makes no sense.",
            Code::UpstreamUnavailable => "A service behind this one cannot be reached; please try again.",
            Code::UpstreamTimeout => "A service behind this one did not answer in time.",
        }
    }
}

/// The body of every error response: `{"valid":false,"code":…,"message":…}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// Always `false`.
    #[schemars(schema_with = "crate::verdict::no")]
    pub valid: No,
    /// For programs.
    pub code: Code,
    /// For people. Never repeats a value of the request; a parameter that is not supported is named.
    pub message: String,
}

impl ErrorBody {
    /// The body for `code` with `message`.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { valid: No::default(), code, message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_same_in_json_and_in_text() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn error_bodies_follow_the_contract() {
        let body = serde_json::to_string(&ErrorBody::new(Code::InvalidToken, "no")).unwrap();
        assert_eq!(body, r#"{"valid":false,"code":"invalid_token","message":"no"}"#);
        assert!(serde_json::from_str::<ErrorBody>(&body.replace("false", "true")).is_err());
    }
}
