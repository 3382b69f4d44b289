//! `POST /v1/Revocations` on ScopedAuthService's admin listener: an operator ends sessions.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AccountSid, DeploymentKey, Identity, SealedToken, SessionId, endpoint, orchestrator::NoParameters,
};

endpoint! {
    /// Ends the sessions that began before now.
    pub struct RevokeSessions: "revoke_sessions" = POST "/v1/Revocations";
    path: NoParameters;
    request: Request;
    response: 200 => Response;
    // A second request also ends the sessions that began since the first.
    idempotent: false;
    errors: [InvalidServiceCredential, InvalidToken];
}

/// The sessions to revoke, by exactly one of `{token}`, `{sessionId}`, `{accountSid, identity}`, `{deploymentKey}` and
/// `{accountSid}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The session of this token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<SealedToken>,
    /// This session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// All sessions of this identity of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// All sessions of this deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_key: Option<DeploymentKey>,
    /// All sessions of this account, or of `identity` in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_sid: Option<AccountSid>,
}

/// `{kind, revoked_at}`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// `session`, `identity`, `deployment` or `account`.
    pub kind: String,
    /// The time of the revocation: sessions that began at or before it are revoked.
    #[schemars(schema_with = "crate::timestamp::schema")]
    pub revoked_at: DateTime<Utc>,
}
