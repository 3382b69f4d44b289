//! `Browser ->> FWO: POST /v2/Webchat/Token/Revoke` (revoke diagram; RFC 7009).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NoParameters;
use crate::{DeploymentKey, SealedToken, endpoint};

endpoint! {
    /// Ends the session of a token.
    pub struct RevokeToken: "revoke_token" = POST "/v2/Webchat/Token/Revoke";
    path: NoParameters;
    request: Request;
    response: 200 => Response;
    // Revoking a revoked session changes nothing.
    idempotent: true;
    errors: [RateLimited, DeploymentKeyNotFound, DeploymentKeyDisabled, OriginNotAllowed, FingerprintUnavailable, FingerprintInvalid, InvalidDpopProof, UseDpopNonce, UpstreamInvalid, UpstreamTimeout];
}

/// `{deploymentKey, token}`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// The page's deployment key.
    #[serde(rename = "deploymentKey", alias = "DeploymentKey", alias = "deployment_key")]
    pub deployment_key: DeploymentKey,
    /// A token of the session to end.
    #[serde(alias = "Token")]
    pub token: SealedToken,
}

/// `{}`: the same for valid and invalid tokens (RFC 7009, section 2.2).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Response {}
