//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/generate/internal` (create and refresh diagrams; contract, section 1).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    AccountSid, Fingerprint, Grants, Identity, SessionId, Thumbprint, TokenAnswer, endpoint,
    orchestrator::NoParameters,
};

endpoint! {
    /// Creates a session and issues its first token.
    pub struct Generate: "generate" = POST "/v1/ScopedAuthTokens/generate/internal";
    path: NoParameters;
    request: Request;
    response: 200 => Response;
    // Stores nothing; after a retry, the caller uses the second session.
    idempotent: true;
    errors: [];
}

/// `{accountSid, grants, ttl, encrypt, fingerprint?, jkt?, identity?, earlierSession?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The account of the token.
    pub account_sid: AccountSid,
    /// The token's grants.
    pub grants: Grants,
    /// The lifetime of the token, in seconds; the end of the session may cut it shorter.
    pub ttl: u32,
    /// `true` issues a JWE; `false` a JWS, which the published keys verify.
    pub encrypt: bool,
    /// The fingerprint of the browser that the token is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The thumbprint of the proof key that the session is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
    /// The identity of `earlier_session`, requested again. Granted unless that session was revoked or is too old;
    /// otherwise the session has a new identity. Both members or neither.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The last session of `identity` at this account and deployment, bound to `jkt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier_session: Option<EarlierSession>,
}

/// `{sid, authTime}`: an earlier session, as stored with its conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EarlierSession {
    /// The claim `sid`.
    pub sid: SessionId,
    /// The claim `auth_time`: when the session began.
    #[serde(with = "crate::timestamp")]
    pub auth_time: DateTime<Utc>,
}

/// `{token, expiration, expires_in, refresh_after, identity, session_id, auth_time}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The token with its lifetime.
    #[serde(flatten)]
    pub issued: TokenAnswer,
    /// The identity in its grants.
    pub identity: Identity,
    /// The session.
    pub session_id: SessionId,
    /// When the session began.
    #[serde(with = "crate::timestamp")]
    pub auth_time: DateTime<Utc>,
}
