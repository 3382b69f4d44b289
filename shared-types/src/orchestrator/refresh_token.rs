//! `Browser ->> FWO: POST /v2/Webchat/Token/Refresh` (contract, section 2).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NoParameters;
use crate::{ConversationSid, DeploymentKey, Identity, SealedToken, TokenAnswer, Yes, endpoint};

endpoint! {
    /// Issues a new token of the same session.
    pub struct RefreshToken: "refresh_token" = POST "/v2/Webchat/Token/Refresh", also ["/v2/Webchat/Tokens/Refresh"];
    path: NoParameters;
    request: Request;
    response: 200 => Response;
    // Within the grace period, a second refresh returns a token of the same generation.
    idempotent: true;
    errors: [RateLimited, DeploymentKeyNotFound, DeploymentKeyDisabled, OriginNotAllowed, FingerprintUnavailable, InvalidDpopProof, UseDpopNonce, InvalidToken, ExpiredToken, RevokedToken, SessionExpired, FingerprintInvalid, UpstreamInvalid, UpstreamTimeout];
}

/// `{deploymentKey, token}`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// The page's deployment key.
    #[serde(rename = "deploymentKey", alias = "DeploymentKey", alias = "deployment_key")]
    pub deployment_key: DeploymentKey,
    /// The token to replace.
    #[serde(alias = "Token")]
    pub token: SealedToken,
}

/// `{valid:true, token, expiration, expires_in, refresh_after, identity, conversation_sid?}`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// Always `true`.
    #[schemars(schema_with = "crate::verdict::yes")]
    pub valid: Yes,
    /// The token with its lifetime.
    #[serde(flatten)]
    pub issued: TokenAnswer,
    /// The guest's identity, unchanged.
    pub identity: Identity,
    /// The session's conversation, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation_sid: Option<ConversationSid>,
}
