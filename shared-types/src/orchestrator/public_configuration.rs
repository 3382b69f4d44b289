//! `FWO ->> FC: GET /V1/Configuration/Public?AccountSid=AC…` (create diagram with Flex Configuration). Any HTTP server
//! with this one route is a Flex Configuration service; an orchestrator is one too.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::NoParameters;
use crate::{AccountSid, DeploymentKey, endpoint};

endpoint! {
    /// An orchestrator asks for an account's public configuration.
    pub struct PublicConfiguration: "public_configuration" = GET "/V1/Configuration/Public";
    path: NoParameters;
    request: Request;
    response: 200 => Response;
    // It reads.
    idempotent: true;
    errors: [RateLimited, NotFound, UpstreamInvalid, UpstreamTimeout];
}

/// `?AccountSid=AC…`
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Whose configuration.
    #[serde(rename = "AccountSid", alias = "accountSid", alias = "account_sid")]
    pub account_sid: AccountSid,
}

/// `{allowedOrigins, deployments?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The origins that may use the account's chat; empty: any.
    #[serde(rename = "allowedOrigins", alias = "AllowedOrigins", alias = "allowed_origins")]
    pub allowed_origins: Vec<String>,
    /// Lists of single deployments, where they differ from each other; each replaces `allowedOrigins` for its
    /// deployment. A server that knows only one list per account leaves this out.
    #[serde(default, alias = "Deployments", skip_serializing_if = "BTreeMap::is_empty")]
    pub deployments: BTreeMap<DeploymentKey, Vec<String>>,
}
