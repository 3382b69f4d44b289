//! `Browser ->> FWO: POST /v2/Webchat/Init` (contract, section 4): the released widget creates a token and opens the
//! conversation in one request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::NoParameters;
use crate::{ConversationSid, DeploymentKey, Identity, TokenAnswer, endpoint};

endpoint! {
    /// Creates a session and opens its conversation, for the released widget.
    pub struct Init: "init" = POST "/v2/Webchat/Init";
    path: NoParameters;
    request: Request;
    response: 201 => Response;
    // A second request opens a second conversation.
    idempotent: false;
    errors: [RateLimited, DeploymentKeyNotFound, DeploymentKeyDisabled, OriginNotAllowed, FingerprintUnavailable, InvalidDpopProof, UseDpopNonce, RevokedToken, UpstreamInvalid, UpstreamTimeout];
}

/// `{DeploymentKey, CustomerFriendlyName?, PreEngagementData?, Identity?}`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// The page's deployment key.
    #[serde(rename = "deploymentKey", alias = "DeploymentKey", alias = "deployment_key")]
    pub deployment_key: DeploymentKey,
    /// The name that the guest entered.
    #[serde(
        default,
        rename = "customerFriendlyName",
        alias = "CustomerFriendlyName",
        alias = "customer_friendly_name",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(max = 256), regex(pattern = crate::text::NAME))]
    pub customer_friendly_name: Option<String>,
    /// The guest's answers to the pre-engagement form: any JSON value, or JSON in a string.
    #[serde(
        default,
        rename = "preEngagementData",
        alias = "PreEngagementData",
        alias = "pre_engagement_data",
        skip_serializing_if = "Option::is_none"
    )]
    pub pre_engagement_data: Option<Value>,
    /// The identity of an earlier session. Granted to the holder of its last session's proof key; otherwise, or if it is
    /// malformed, the guest gets a new identity, without an error.
    #[serde(default, alias = "Identity", skip_serializing_if = "Option::is_none")]
    pub identity: Option<Value>,
}

/// `{token, expiration, expires_in, refresh_after, identity, conversation_sid}`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// The token with its lifetime.
    #[serde(flatten)]
    pub issued: TokenAnswer,
    /// The guest's identity: the requested one, or a new one.
    pub identity: Identity,
    /// The session's conversation.
    pub conversation_sid: ConversationSid,
}
