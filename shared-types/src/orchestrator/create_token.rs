//! `Browser ->> FWO: POST /v2/Webchat/Token` (contract, section 1).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::NoParameters;
use crate::{DeploymentKey, Endpoint, Identity, Method, SealedToken};

/// The guest's page asks for a token.
pub struct CreateToken;

impl Endpoint for CreateToken {
    const NAME: &'static str = "create_token";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v2/Webchat/Token";
    const STATUS: u16 = 200;
    // Creating writes nothing; of two tokens the second is used.
    const IDEMPOTENT: bool = true;
    type Path = NoParameters;
    type Request = Request;
    type Response = Response;
}

/// `{deploymentKey}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The deployment that the page was given.
    #[serde(rename = "deploymentKey", alias = "DeploymentKey", alias = "deployment_key")]
    pub deployment_key: DeploymentKey,
}

/// `{token, identity, expiration, expires_in, refresh_after}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The token, bound to this browser where the account's feature is on.
    pub token: SealedToken,
    /// Who the guest is in the chat: a fresh random UUID.
    pub identity: Identity,
    /// When the token ends.
    #[serde(with = "crate::timestamp")]
    pub expiration: DateTime<Utc>,
    /// The same in seconds from now, for pages whose clock is wrong.
    pub expires_in: u32,
    /// In how many seconds the page should refresh it: before its end, and not when all others do.
    pub refresh_after: u32,
}
