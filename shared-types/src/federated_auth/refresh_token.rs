//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/refresh` (refresh diagram; contract, section 2).

use serde::{Deserialize, Serialize};

use super::AccountPath;
use crate::{
    DeploymentKey, Fingerprint, Grants, Identity, SealedToken, SessionId, Thumbprint, TokenAnswer, endpoint,
};

endpoint! {
    /// Issues a new token of the same session.
    pub struct RefreshToken: "refresh_token" = POST "/v1/Accounts/{account_sid}/Tokens/refresh", also ["/v2/Accounts/{account_sid}/Tokens/refresh"];
    path: AccountPath;
    request: Request;
    response: 200 => Response;
    // Within the grace period, the same token has the same successor.
    idempotent: true;
    errors: [InvalidToken, ExpiredToken, RevokedToken, SessionExpired, FingerprintInvalid, InvalidDpopProof, UpstreamInvalid, UpstreamTimeout];
}

/// `{deployment_key, token, fingerprint?, jkt?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The deployment of the request; a token of another one is `invalid_token`.
    pub deployment_key: DeploymentKey,
    /// The token to replace.
    pub token: SealedToken,
    /// The fingerprint of the browser that sent it, with the feature on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The thumbprint of the browser's proof key, if the request had a valid proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
}

/// `{identity, roles, token, expiration, expires_in, refresh_after, session_id}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The guest's identity, unchanged.
    pub identity: Identity,
    /// The grants, unchanged.
    pub roles: Grants,
    /// The token with its lifetime.
    #[serde(flatten)]
    pub issued: TokenAnswer,
    /// The session, unchanged; FWO looks up its conversation by it.
    pub session_id: SessionId,
}
