//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/revoke` (revoke diagram): a session is ended by its own guest.

use serde::{Deserialize, Serialize};

use crate::{
    AccountSid, Fingerprint, SealedToken, SessionId, Thumbprint, endpoint, orchestrator::NoParameters,
};

endpoint! {
    /// End the session of a token.
    pub struct Revoke: "revoke" = POST "/v1/ScopedAuthTokens/revoke";
    path: NoParameters;
    request: Request;
    response: 200 => Response;
    // An ended session stays ended.
    idempotent: true;
    errors: [InvalidDpopProof];
}

/// `{accountSid, token, fingerprint?, jkt?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The account whose session may be ended.
    pub account_sid: AccountSid,
    /// A token of the session, expired or not.
    pub token: SealedToken,
    /// The browser that presents it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The key that the caller has proved to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
}

/// `{revoked, session_id?}`
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Response {
    /// Whether the session is revoked now. The guest does not learn it (RFC 7009, section 2.2).
    pub revoked: bool,
    /// The session, where it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
}
