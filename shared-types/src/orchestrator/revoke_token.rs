//! `Browser ->> FWO: POST /v2/Webchat/Token/Revoke` (revoke diagram; RFC 7009).

use serde::{Deserialize, Serialize};

use super::NoParameters;
use crate::{DeploymentKey, SealedToken, endpoint};

endpoint! {
    /// The guest ends the session.
    pub struct RevokeToken: "revoke_token" = POST "/v2/Webchat/Token/Revoke";
    path: NoParameters;
    request: Request;
    response: 200 => Response;
    // An ended session stays ended.
    idempotent: true;
    errors: [RateLimited, DeploymentKeyNotFound, DeploymentKeyDisabled, OriginNotAllowed, FingerprintUnavailable, InvalidDpopProof, UseDpopNonce, UpstreamInvalid, UpstreamTimeout];
}

/// `{deploymentKey, token}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The deployment that the page was given.
    #[serde(rename = "deploymentKey", alias = "DeploymentKey", alias = "deployment_key")]
    pub deployment_key: DeploymentKey,
    /// A token of the session that is to end.
    #[serde(alias = "Token")]
    pub token: SealedToken,
}

/// `{}`: the same for a token that was good and for one that was not.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Response {}
