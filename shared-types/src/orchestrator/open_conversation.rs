//! `Browser ->> FWO: POST /v2/WebChannels` (contract, section 3), with the token as bearer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::NoParameters;
use crate::{ConversationSid, Identity, endpoint};

endpoint! {
    /// The page opens the session's conversation.
    pub struct OpenConversation: "open_conversation" = POST "/v2/WebChannels";
    path: NoParameters;
    request: Request;
    response: 201 => Response;
    // Opened again, it is the same conversation unless that is full.
    idempotent: true;
    errors: [RateLimited, DeploymentKeyNotFound, DeploymentKeyDisabled, OriginNotAllowed, FingerprintUnavailable, InvalidDpopProof, UseDpopNonce, InvalidToken, ExpiredToken, RevokedToken, SessionExpired, FingerprintInvalid, UpstreamInvalid, UpstreamTimeout];
}

/// `{customerFriendlyName?, preEngagementData?}`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Request {
    /// What the guest wants to be called.
    #[serde(
        default,
        rename = "customerFriendlyName",
        alias = "CustomerFriendlyName",
        alias = "customer_friendly_name",
        skip_serializing_if = "Option::is_none"
    )]
    pub customer_friendly_name: Option<String>,
    /// What the guest filled into the pre-engagement form: any JSON value, or JSON in a string.
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
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The session's conversation. Opened again, it is the same, unless that is full: then it is the next one.
    pub conversation_sid: ConversationSid,
    /// Who the guest is in it.
    pub identity: Identity,
}
