//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/revoke` (revoke diagram).

use serde::{Deserialize, Serialize};

use super::AccountPath;
use crate::{Fingerprint, SealedToken, SessionId, Thumbprint, endpoint};

endpoint! {
    /// The guest ends the session of a token.
    pub struct RevokeToken: "revoke_token" = POST "/v1/Accounts/{account_sid}/Tokens/revoke", also ["/v2/Accounts/{account_sid}/Tokens/revoke"];
    path: AccountPath;
    request: Request;
    response: 200 => Response;
    // An ended session stays ended.
    idempotent: true;
    errors: [InvalidDpopProof, UpstreamInvalid, UpstreamTimeout];
}

/// `{token, fingerprint?, jkt?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// A token of the session, expired or not.
    pub token: SealedToken,
    /// The browser that presents it, with the feature on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The key that the browser has proved to hold, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
}

/// `{revoked, session_id?}`
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Response {
    /// Whether the session is revoked now. The guest does not learn it (RFC 7009, section 2.2).
    pub revoked: bool,
    /// The session, where it is revoked; FWO notes its end beside the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
}
