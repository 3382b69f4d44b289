//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/refresh` (refresh diagram; contract, section 2).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::AccountPath;
use crate::{
    AccountSid, DeploymentKey, Endpoint, Fingerprint, Grants, Identity, Method, SealedToken, SessionId,
    Thumbprint,
};

/// A new token for the session of an old one.
pub struct RefreshToken;

impl Endpoint for RefreshToken {
    const NAME: &'static str = "refresh_token";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/Accounts/{account_sid}/Tokens/refresh";
    const STATUS: u16 = 200;
    // Within the grace the same token has the same successor.
    const IDEMPOTENT: bool = true;
    type Path = AccountPath;
    type Request = Request;
    type Response = Response;
}

/// The path of refreshing an account's tokens.
pub fn path(account_sid: AccountSid) -> String {
    format!("/v1/Accounts/{account_sid}/Tokens/refresh")
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

/// `{expiration, identity, roles, token, session_id, expires_in, refresh_after}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The end of the new token.
    #[serde(with = "crate::timestamp")]
    pub expiration: DateTime<Utc>,
    /// The identity of before.
    pub identity: Identity,
    /// The grants of before.
    pub roles: Grants,
    /// The new token.
    pub token: SealedToken,
    /// The session of before; FWO finds its conversation by it.
    pub session_id: SessionId,
    /// The same in seconds from now.
    pub expires_in: u32,
    /// In how many seconds the page should refresh it.
    pub refresh_after: u32,
}
