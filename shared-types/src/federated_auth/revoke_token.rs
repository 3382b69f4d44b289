//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/revoke` (revoke diagram).

use serde::{Deserialize, Serialize};

use super::AccountPath;
use crate::{AccountSid, Endpoint, Fingerprint, Method, SealedToken, SessionId, Thumbprint};

/// The guest ends the session of a token.
pub struct RevokeToken;

impl Endpoint for RevokeToken {
    const NAME: &'static str = "revoke_token";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/Accounts/{account_sid}/Tokens/revoke";
    const STATUS: u16 = 200;
    // An ended session stays ended.
    const IDEMPOTENT: bool = true;
    type Path = AccountPath;
    type Request = Request;
    type Response = Response;
}

/// The path of revoking an account's tokens.
pub fn path(account_sid: AccountSid) -> String {
    format!("/v1/Accounts/{account_sid}/Tokens/revoke")
}

/// `{token, fingerprint?, jkt?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// A token of the session, expired or not.
    pub token: SealedToken,
    /// The browser that presents it, with the feature on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The key that the browser has proved to hold, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
}

/// `{revoked, session_id?}`
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Response {
    /// Whether the session is revoked now. The guest does not learn it (RFC 7009, section 2.2).
    pub revoked: bool,
    /// The session, where it is revoked; FWO notes its end beside the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
}
