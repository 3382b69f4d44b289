//! `Browser ->> FWO: POST /v2/WebChannels` (contract, section 3), with the token as bearer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::NoParameters;
use crate::{ConversationSid, Identity, endpoint};

endpoint! {
    /// Opens the session's conversation.
    pub struct OpenConversation: "open_conversation" = POST "/v2/WebChannels";
    path: NoParameters;
    request: Request;
    response: 201 => Response;
    // A second request returns the same conversation unless it is full.
    idempotent: true;
    errors: [RateLimited, DeploymentKeyNotFound, DeploymentKeyDisabled, OriginNotAllowed, FingerprintUnavailable, InvalidDpopProof, UseDpopNonce, InvalidToken, ExpiredToken, RevokedToken, SessionExpired, FingerprintInvalid, UpstreamInvalid, UpstreamTimeout];
}

/// `{customerFriendlyName?, preEngagementData?}`
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Request {
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
}

/// `{conversation_sid, identity}`
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// The session's conversation: the current one or, if that is full, a new one.
    pub conversation_sid: ConversationSid,
    /// The guest's identity.
    pub identity: Identity,
}
