//! `Browser ->> FWO: POST /v2/Webchat/Token` (contract, section 1).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NoParameters;
use crate::{DeploymentKey, Identity, TokenAnswer, endpoint};

endpoint! {
    /// Creates a session and returns its first token.
    pub struct CreateToken: "create_token" = POST "/v2/Webchat/Token";
    path: NoParameters;
    request: Request;
    response: 200 => Response;
    // Stores nothing; after a retry, the client uses the second token.
    idempotent: true;
    errors: [RateLimited, DeploymentKeyNotFound, DeploymentKeyDisabled, OriginNotAllowed, FingerprintUnavailable, InvalidDpopProof, UseDpopNonce, UpstreamInvalid, UpstreamTimeout];
}

/// `{deploymentKey}`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// The page's deployment key.
    #[serde(rename = "deploymentKey", alias = "DeploymentKey", alias = "deployment_key")]
    pub deployment_key: DeploymentKey,
}

/// `{token, expiration, expires_in, refresh_after, identity}`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// The token with its lifetime.
    #[serde(flatten)]
    pub issued: TokenAnswer,
    /// The guest's identity in the chat: a new random UUID.
    pub identity: Identity,
}
