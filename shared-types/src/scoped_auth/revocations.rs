//! `POST /v1/Revocations` on ScopedAuthService's admin listener: an operator ends sessions.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    AccountSid, DeploymentKey, Identity, SealedToken, SessionId, endpoint, orchestrator::NoParameters,
};

endpoint! {
    /// End the sessions that began before now.
    pub struct RevokeSessions: "revoke_sessions" = POST "/v1/Revocations";
    path: NoParameters;
    request: Request;
    response: 200 => Response;
    // A second one ends the sessions that began since the first, too.
    idempotent: false;
    errors: [InvalidToken];
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
