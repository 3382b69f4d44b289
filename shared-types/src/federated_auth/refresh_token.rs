//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/refresh` (refresh diagram; contract, section 2).

use serde::{Deserialize, Serialize};

use super::AccountPath;
use crate::{
    DeploymentKey, Fingerprint, Grants, Identity, SealedToken, SessionId, Thumbprint, TokenAnswer, endpoint,
};

endpoint! {
    /// A new token for the session of an old one.
    pub struct RefreshToken: "refresh_token" = POST "/v1/Accounts/{account_sid}/Tokens/refresh", also ["/v2/Accounts/{account_sid}/Tokens/refresh"];
    path: AccountPath;
    request: Request;
    response: 200 => Response;
    // Within the grace the same token has the same successor.
    idempotent: true;
    errors: [InvalidToken, ExpiredToken, RevokedToken, SessionExpired, FingerprintInvalid, InvalidDpopProof, UpstreamInvalid, UpstreamTimeout];
}

/// `{deployment_key, token, fingerprint?, jkt?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The deployment of the call; a token of another one is `invalid_token`.
    pub deployment_key: DeploymentKey,
    /// The old token.
    pub token: SealedToken,
    /// The browser that presents it, with the feature on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The key that the browser has proved to hold, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
}

/// `{identity, roles, token, expiration, expires_in, refresh_after, session_id}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The identity of before.
    pub identity: Identity,
    /// The grants of before.
    pub roles: Grants,
    /// The token with its lifetime.
    #[serde(flatten)]
    pub issued: TokenAnswer,
    /// The session of before; FWO finds its conversation by it.
    pub session_id: SessionId,
}
