//! `Browser ->> FWO: POST /v2/Webchat/Token/Revoke` (revoke diagram; RFC 7009).

use serde::{Deserialize, Serialize};

use super::NoParameters;
use crate::{DeploymentKey, Endpoint, Method, SealedToken};

/// The guest ends the session.
pub struct RevokeToken;

impl Endpoint for RevokeToken {
    const NAME: &'static str = "revoke_token";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v2/Webchat/Token/Revoke";
    const STATUS: u16 = 200;
    // An ended session stays ended.
    const IDEMPOTENT: bool = true;
    type Path = NoParameters;
    type Request = Request;
    type Response = Response;
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
