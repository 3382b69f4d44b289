//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/revoke` (revoke diagram): a guest ends their own session.

use serde::{Deserialize, Serialize};

use crate::{
    AccountSid, Fingerprint, SealedToken, SessionId, Thumbprint, endpoint, orchestrator::NoParameters,
};

endpoint! {
    /// Ends the session of a token.
    pub struct Revoke: "revoke" = POST "/v1/ScopedAuthTokens/revoke";
    path: NoParameters;
    request: Request;
    response: 200 => Response;
    // Revoking a revoked session changes nothing.
    idempotent: true;
    errors: [InvalidDpopProof, FingerprintInvalid];
}

/// `{accountSid, token, fingerprint?, jkt?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The account of the request; sessions of others are not revoked.
    pub account_sid: AccountSid,
    /// A token of the session, expired or not.
    pub token: SealedToken,
    /// The fingerprint of the browser that sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The thumbprint of the proof key, if the guest's request had a valid proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
}

/// `{revoked, session_id?}`
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Response {
    /// Whether the session is now revoked. Not returned to the guest (RFC 7009, section 2.2).
    pub revoked: bool,
    /// The session, if it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
}
