//! `FWO ->> FC: GET /V1/Configuration/Public?AccountSid=AC…` (create diagram with Flex Configuration). Any HTTP server
//! with this route can be the Flex Configuration service; an orchestrator has it too.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NoParameters;
use crate::{AccountSid, DeploymentKey, endpoint};

endpoint! {
    /// Returns an account's public configuration.
    pub struct PublicConfiguration: "public_configuration" = GET "/V1/Configuration/Public";
    path: NoParameters;
    request: Request;
    response: 200 => Response;
    // Read-only.
    idempotent: true;
    errors: [RateLimited, NotFound, UpstreamInvalid, UpstreamTimeout];
}

/// `?AccountSid=AC…`
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// The account.
    #[serde(rename = "AccountSid", alias = "accountSid", alias = "account_sid")]
    pub account_sid: AccountSid,
}

/// `{allowedOrigins, deployments?}`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// The origins that may use the account's chat; if empty, any.
    #[serde(rename = "allowedOrigins", alias = "AllowedOrigins", alias = "allowed_origins")]
    pub allowed_origins: Vec<String>,
    /// Lists per deployment, if they differ; each replaces `allowedOrigins` for its deployment. A server with only one list
    /// per account omits this.
    #[serde(default, alias = "Deployments", skip_serializing_if = "BTreeMap::is_empty")]
    pub deployments: BTreeMap<DeploymentKey, Vec<String>>,
}
