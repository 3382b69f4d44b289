//! `Browser ->> FWO: POST /v2/WebChannels/CH…/Messages` (contract, section 3), with the token as bearer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConversationPath, list_messages::ChatMessage};
use crate::endpoint;

endpoint! {
    /// Adds a message of the guest to the conversation.
    pub struct SendMessage: "send_message" = POST "/v2/WebChannels/{conversation_sid}/Messages";
    path: ConversationPath;
    request: Request;
    // Enough for a body of maximum length with every character escaped: `\u00e9`, `%C3%A9`.
    max_request_body: 100 * 1024;
    response: 201 => ChatMessage;
    // A second request adds a second message.
    idempotent: false;
    errors: [RateLimited, DeploymentKeyNotFound, DeploymentKeyDisabled, OriginNotAllowed, FingerprintUnavailable, InvalidDpopProof, UseDpopNonce, InvalidToken, ExpiredToken, RevokedToken, SessionExpired, FingerprintInvalid, NotFound, ConversationClosed, ConversationFull, IdempotencyKeyReused, UpstreamInvalid, UpstreamTimeout];
}

/// Maximum length of a message, in bytes.
pub const MAX_BODY: usize = 32 * 1024;

/// `{body}`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// Plain text of 1 to [`MAX_BODY`] bytes.
    #[serde(alias = "Body")]
    #[schemars(length(min = 1, max = MAX_BODY), regex(pattern = crate::text::PLAIN))]
    pub body: String,
}
