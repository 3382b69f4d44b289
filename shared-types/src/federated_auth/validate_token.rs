//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/validate`: validates a token without replacing it (conversation
//! diagram; contract, section 3), and if requested returns an assertion of its guest (assertion diagram; section 13).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::AccountPath;
use crate::{
    AssertionAnswer, AssertionAudience, ConversationSid, Fingerprint, Grants, Identity, SealedToken,
    SessionId, Thumbprint, Yes, endpoint,
};

endpoint! {
    /// Validates a token for a request of its conversation and, if requested, returns an assertion of its guest.
    pub struct ValidateToken: "validate_token" = POST "/v1/Accounts/{account_sid}/Tokens/validate", also ["/v2/Accounts/{account_sid}/Tokens/validate"];
    path: AccountPath;
    request: Request;
    response: 200 => Response;
    // Read-only.
    idempotent: true;
    errors: [InvalidToken, ExpiredToken, RevokedToken, SessionExpired, FingerprintInvalid, InvalidDpopProof, UpstreamInvalid, UpstreamTimeout];
}

/// `{token, fingerprint?, jkt?, assertion?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The token.
    pub token: SealedToken,
    /// The fingerprint of the browser that sent it, with the feature on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The thumbprint of the browser's proof key, if the request had a valid proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
    /// Requests an assertion of the token's guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion: Option<AssertionRequest>,
}

/// `{audience, conversation_sid?}`: an assertion of the token's guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssertionRequest {
    /// The service that it is for: an audience of the account.
    pub audience: AssertionAudience,
    /// The newest conversation of the token's session, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_sid: Option<ConversationSid>,
}

/// `{valid:true, identity, roles, expiration, session_id, session_hash, auth_time, jkt?, assertion?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// Always `true`.
    pub valid: Yes,
    /// The identity in the token's grants.
    pub identity: Identity,
    /// The token's grants.
    pub roles: Grants,
    /// When the token expires.
    #[serde(with = "crate::timestamp")]
    pub expiration: DateTime<Utc>,
    /// The token's session.
    pub session_id: SessionId,
    /// The keyed hash of the session, by which other services know it: the claim `sid` of its assertions.
    pub session_hash: String,
    /// When the session began.
    #[serde(with = "crate::timestamp")]
    pub auth_time: DateTime<Utc>,
    /// The proof key that the session is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
    /// The assertion, if it was requested. Absent if this installation has no issuer: it signs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion: Option<AssertionAnswer>,
}
