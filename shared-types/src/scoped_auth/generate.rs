//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/generate/internal` (create and refresh diagrams; contract, section 1).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    AccountSid, Fingerprint, Grants, Identity, Message, Method, SealedToken, SessionId, Thumbprint,
    orchestrator::NoParameters,
};

/// Make a token.
pub struct Generate;

impl Message for Generate {
    const NAME: &'static str = "generate";
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/ScopedAuthTokens/generate/internal";
    const STATUS: u16 = 200;
    // A first token writes nothing; a successor asked for again within the grace is of the same generation.
    const REPEATABLE: bool = true;
    type Path = NoParameters;
    type Request = Request;
    type Response = Response;
}

/// `{accountSid, grants, ttl, encrypt, fingerprint?, jkt?, identity?, session?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The account that the token is of.
    pub account_sid: AccountSid,
    /// What it grants.
    pub grants: Grants,
    /// How long it lives, in seconds; its session's end may cut it shorter.
    pub ttl: u32,
    /// `true`: a JWE; `false`: a JWS, checked with the published keys.
    pub encrypt: bool,
    /// The browser that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The proof key that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
    /// An identity of an earlier session of the same browser; without it a new session has a fresh one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The session that it continues; without it a new session begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
}

/// A session that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The claim `sid`.
    pub id: SessionId,
    /// Who the guest is.
    pub identity: Identity,
    /// The claim `auth_time`: when it began.
    #[serde(with = "crate::timestamp")]
    pub auth_time: DateTime<Utc>,
    /// Which of the session's tokens asks to be followed by another: the first is 0.
    #[serde(default)]
    pub generation: u32,
    /// The browser that it began with, once it is no longer as it was then: drift is bounded over the whole session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_fingerprint: Option<Fingerprint>,
}

/// `{token, identity, expiration, expires_in, refresh_after, session_id}`
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Response {
    /// The token.
    pub token: SealedToken,
    /// The identity in its grants.
    pub identity: Identity,
    /// Its end.
    #[serde(with = "crate::timestamp")]
    pub expiration: DateTime<Utc>,
    /// The same in seconds from now, for clients whose clock is wrong.
    pub expires_in: u32,
    /// In how many seconds the page should refresh it: before its end, and not when all others do.
    pub refresh_after: u32,
    /// The session that it is of.
    pub session_id: SessionId,
}
