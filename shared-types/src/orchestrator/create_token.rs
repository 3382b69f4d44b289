//! `Browser ->> FWO: POST /v2/Webchat/Token` (contract, section 1).

use serde::{Deserialize, Serialize};

use super::NoParameters;
use crate::{DeploymentKey, Identity, TokenAnswer, endpoint};

endpoint! {
    /// The guest's page asks for a token.
    pub struct CreateToken: "create_token" = POST "/v2/Webchat/Token";
    path: NoParameters;
    request: Request;
    response: 200 => Response;
    // Creating writes nothing; of two tokens the second is used.
    idempotent: true;
    errors: [RateLimited, DeploymentKeyNotFound, DeploymentKeyDisabled, OriginNotAllowed, FingerprintUnavailable, InvalidDpopProof, UseDpopNonce, UpstreamInvalid, UpstreamTimeout];
}

/// `{deploymentKey}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The deployment that the page was given.
    #[serde(rename = "deploymentKey", alias = "DeploymentKey", alias = "deployment_key")]
    pub deployment_key: DeploymentKey,
}

/// `{token, expiration, expires_in, refresh_after, identity}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The token with its lifetime.
    #[serde(flatten)]
    pub issued: TokenAnswer,
    /// Who the guest is in the chat: a fresh random UUID.
    pub identity: Identity,
}
