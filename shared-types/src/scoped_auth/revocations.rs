//! `POST /v1/Revocations` on ScopedAuthService's admin listener: an operator ends sessions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    AccountSid, DeploymentKey, Endpoint, Identity, Method, SealedToken, SessionId, orchestrator::NoParameters,
};

/// End the sessions that began before now.
pub struct RevokeSessions;

impl Endpoint for RevokeSessions {
    const NAME: &'static str = "revoke_sessions";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/Revocations";
    const STATUS: u16 = 200;
    // A second one ends the sessions that began since the first, too.
    const IDEMPOTENT: bool = false;
    type Path = NoParameters;
    type Request = Request;
    type Response = Response;
}

/// Whose tokens: exactly one of `{token}`, `{sessionId}`, `{accountSid, identity}`, `{deploymentKey}`, `{accountSid}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// Those of the session of this token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<SealedToken>,
    /// Those of this session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// Those of this identity of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// Those made for this deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_key: Option<DeploymentKey>,
    /// Those of this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_sid: Option<AccountSid>,
}

/// `{kind, revoked_at}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// `session`, `identity`, `deployment` or `account`.
    pub kind: String,
    /// Sessions that began up to then are dead.
    pub revoked_at: DateTime<Utc>,
}
