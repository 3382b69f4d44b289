//! `Browser ->> FWO: POST /v2/Webchat/Token/Refresh` (contract, section 2).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::NoParameters;
use crate::{ConversationSid, DeploymentKey, Endpoint, Identity, Method, SealedToken, Yes};

/// The page asks for a new token of the same session.
pub struct RefreshToken;

impl Endpoint for RefreshToken {
    const NAME: &'static str = "refresh_token";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v2/Webchat/Token/Refresh";
    const STATUS: u16 = 200;
    // Within the grace a second refresh gives a token of the same generation.
    const IDEMPOTENT: bool = true;
    type Path = NoParameters;
    type Request = Request;
    type Response = Response;
}

/// The name under which the released widget knows the same route (contract, sections 2 and 4).
pub struct RefreshTokens;

impl Endpoint for RefreshTokens {
    const NAME: &'static str = "refresh_token";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v2/Webchat/Tokens/Refresh";
    const STATUS: u16 = 200;
    // Within the grace a second refresh gives a token of the same generation.
    const IDEMPOTENT: bool = true;
    type Path = NoParameters;
    type Request = Request;
    type Response = Response;
}

/// `{deploymentKey, token}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The deployment that the page was given.
    #[serde(rename = "deploymentKey", alias = "DeploymentKey", alias = "deployment_key")]
    pub deployment_key: DeploymentKey,
    /// The token that is to be replaced.
    #[serde(alias = "Token")]
    pub token: SealedToken,
}

/// `{valid:true, token, expiration, identity, expires_in, refresh_after, conversation_sid?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// Always `true`.
    pub valid: Yes,
    /// The new token.
    pub token: SealedToken,
    /// When the new token ends.
    #[serde(with = "crate::timestamp")]
    pub expiration: DateTime<Utc>,
    /// The identity of before.
    pub identity: Identity,
    /// The same in seconds from now, for pages whose clock is wrong.
    pub expires_in: u32,
    /// In how many seconds the page should refresh it: before its end, and not when all others do.
    pub refresh_after: u32,
    /// The session's conversation, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_sid: Option<ConversationSid>,
}
