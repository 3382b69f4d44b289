//! `Browser ->> FWO: POST /v2/Webchat/Init` (contract, section 4): the released widget creates a token and opens the
//! conversation in one call.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::NoParameters;
use crate::{ConversationSid, DeploymentKey, Endpoint, Identity, Method, SealedToken};

/// The released widget begins a chat.
pub struct Init;

impl Endpoint for Init {
    const NAME: &'static str = "init";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v2/Webchat/Init";
    const STATUS: u16 = 201;
    // A second one opens a second conversation.
    const IDEMPOTENT: bool = false;
    type Path = NoParameters;
    type Request = Request;
    type Response = Response;
}

/// `{DeploymentKey, CustomerFriendlyName?, PreEngagementData?, Identity?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The deployment that the page was given.
    #[serde(rename = "deploymentKey", alias = "DeploymentKey", alias = "deployment_key")]
    pub deployment_key: DeploymentKey,
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
    /// An identity that the guest had before. Granted to the holder of its last session's proof key; otherwise, and where
    /// it is malformed, the guest silently gets a new one.
    #[serde(default, alias = "Identity", skip_serializing_if = "Option::is_none")]
    pub identity: Option<Value>,
}

/// `{token, expiration, identity, conversation_sid, expires_in, refresh_after}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The token.
    pub token: SealedToken,
    /// When it ends.
    #[serde(with = "crate::timestamp")]
    pub expiration: DateTime<Utc>,
    /// Who the guest is: the identity asked for, or silently a fresh one.
    pub identity: Identity,
    /// The session's conversation.
    pub conversation_sid: ConversationSid,
    /// The same in seconds from now, for pages whose clock is wrong.
    pub expires_in: u32,
    /// In how many seconds the page should refresh it: before its end, and not when all others do.
    pub refresh_after: u32,
}
