//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/generate/internal` (create and refresh diagrams; contract, section 1).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    AccountSid, Endpoint, Fingerprint, Grants, Identity, Method, SealedToken, SessionId, Thumbprint,
    orchestrator::NoParameters,
};

/// Begins a session: makes its first token.
pub struct Generate;

impl Endpoint for Generate {
    const NAME: &'static str = "generate";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/ScopedAuthTokens/generate/internal";
    const STATUS: u16 = 200;
    // Nothing is written; the second of two sessions is used.
    const IDEMPOTENT: bool = true;
    type Path = NoParameters;
    type Request = Request;
    type Response = Response;
}

/// `{accountSid, grants, ttl, encrypt, fingerprint?, jkt?, identity?, earlierSession?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The account of the token.
    pub account_sid: AccountSid,
    /// What the token grants.
    pub grants: Grants,
    /// The lifetime of the token, in seconds; the end of the session may cut it shorter.
    pub ttl: u32,
    /// `true`: a JWE; `false`: a JWS, verified with the published keys.
    pub encrypt: bool,
    /// The browser that the token is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The proof key that the session is bound to.
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

/// `{sid, authTime}`: a session that has begun, as its conversation remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EarlierSession {
    /// The claim `sid`.
    pub sid: SessionId,
    /// The claim `auth_time`: when the session began.
    #[serde(with = "crate::timestamp")]
    pub auth_time: DateTime<Utc>,
}

/// `{token, identity, expiration, expires_in, refresh_after, session_id, auth_time}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The token.
    pub token: SealedToken,
    /// The identity in its grants.
    pub identity: Identity,
    /// When it expires.
    #[serde(with = "crate::timestamp")]
    pub expiration: DateTime<Utc>,
    /// The same in seconds from now, for clients whose clock is wrong.
    pub expires_in: u32,
    /// In how many seconds the page should refresh it: before it expires, and spread over the sessions of a fleet.
    pub refresh_after: u32,
    /// The session.
    pub session_id: SessionId,
    /// When the session began.
    #[serde(with = "crate::timestamp")]
    pub auth_time: DateTime<Utc>,
}
