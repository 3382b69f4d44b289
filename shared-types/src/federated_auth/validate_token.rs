//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/validate`: validates a token without replacing it (conversation
//! diagram; contract, section 3).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::AccountPath;
use crate::{Fingerprint, Grants, Identity, SealedToken, SessionId, Thumbprint, Yes, endpoint};

endpoint! {
    /// Validates a token for a request of its conversation.
    pub struct ValidateToken: "validate_token" = POST "/v1/Accounts/{account_sid}/Tokens/validate", also ["/v2/Accounts/{account_sid}/Tokens/validate"];
    path: AccountPath;
    request: Request;
    response: 200 => Response;
    // Read-only.
    idempotent: true;
    errors: [InvalidToken, ExpiredToken, RevokedToken, SessionExpired, FingerprintInvalid, InvalidDpopProof, UpstreamInvalid, UpstreamTimeout];
}

/// `{token, fingerprint?, jkt?}`
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
}

/// `{valid:true, identity, roles, expiration, session_id, auth_time, jkt?}`
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
    /// When the session began.
    #[serde(with = "crate::timestamp")]
    pub auth_time: DateTime<Utc>,
    /// The proof key that the session is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
}
