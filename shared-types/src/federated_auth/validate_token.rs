//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/validate`: a token is checked and stays as it is (conversation diagram;
//! contract, section 3).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::AccountPath;
use crate::{Fingerprint, Grants, Identity, SealedToken, SessionId, Thumbprint, Yes, endpoint};

endpoint! {
    /// Is this token good for a call in its conversation?
    pub struct ValidateToken: "validate_token" = POST "/v1/Accounts/{account_sid}/Tokens/validate", also ["/v2/Accounts/{account_sid}/Tokens/validate"];
    path: AccountPath;
    request: Request;
    response: 200 => Response;
    // It reads.
    idempotent: true;
    errors: [InvalidToken, ExpiredToken, RevokedToken, SessionExpired, FingerprintInvalid, InvalidDpopProof, UpstreamInvalid, UpstreamTimeout];
}

/// `{token, fingerprint?, jkt?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The token.
    pub token: SealedToken,
    /// The browser that presents it, with the feature on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The key that the browser has proved to hold, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
}

/// `{valid:true, identity, roles, expiration, session_id, auth_time, jkt?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// Always `true`.
    pub valid: Yes,
    /// Whose token it is.
    pub identity: Identity,
    /// What it grants.
    pub roles: Grants,
    /// When it ends.
    #[serde(with = "crate::timestamp")]
    pub expiration: DateTime<Utc>,
    /// Its session.
    pub session_id: SessionId,
    /// When the session began.
    #[serde(with = "crate::timestamp")]
    pub auth_time: DateTime<Utc>,
    /// The proof key that the session is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
}
