//! `Browser ->> FWO: POST /v2/Webchat/Token` (contract, section 1).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::NoParameters;
use crate::{DeploymentKey, Identity, Message, Method, SealedToken};

/// The guest's page asks for a token.
pub struct CreateToken;

impl Message for CreateToken {
    const NAME: &'static str = "create_token";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v2/Webchat/Token";
    const STATUS: u16 = 200;
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

/// `{token, identity, expiration}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The token, bound to this browser where the account's feature is on.
    pub token: SealedToken,
    /// Who the guest is in the chat: a fresh random UUID.
    pub identity: Identity,
    /// When the token ends.
    pub expiration: DateTime<Utc>,
}
