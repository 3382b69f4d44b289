//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/revoke` (revoke diagram).

use serde::{Deserialize, Serialize};

use super::AccountPath;
use crate::{Fingerprint, SealedToken, SessionId, Thumbprint, endpoint};

endpoint! {
    /// Ends the session of a token.
    pub struct RevokeToken: "revoke_token" = POST "/v1/Accounts/{account_sid}/Tokens/revoke", also ["/v2/Accounts/{account_sid}/Tokens/revoke"];
    path: AccountPath;
    request: Request;
    response: 200 => Response;
    // Revoking a revoked session changes nothing.
    idempotent: true;
    errors: [InvalidDpopProof, FingerprintInvalid, UpstreamInvalid, UpstreamTimeout];
}

/// `{token, fingerprint?, jkt?}`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// A token of the session, expired or not.
    pub token: SealedToken,
    /// The fingerprint of the browser that sent it, with the feature on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The thumbprint of the browser's proof key, if the request had a valid proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
}

/// `{revoked, session_id?}`
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Response {
    /// Whether the session is now revoked. Not returned to the guest (RFC 7009, section 2.2).
    pub revoked: bool,
    /// The session, if it is revoked; FWO stores its end with the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
}
