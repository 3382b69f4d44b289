//! `Desk ->> FWO: POST /v1/Conversations/CH…/Messages`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConversationPath, DeskMessage};
use crate::{endpoint, orchestrator::send_message::MAX_BODY};

endpoint! {
    /// Writes a message of the desk. With `Idempotency-Key`, a repetition returns the first message.
    pub struct CreateMessage: "desk_create_message" = POST "/v1/Conversations/{conversation_sid}/Messages",
        also ["/v1/Services/{service_sid}/Conversations/{conversation_sid}/Messages"];
    path: ConversationPath;
    request: Request;
    max_request_body: MAX_REQUEST;
    response: 201 => DeskMessage;
    // Without `Idempotency-Key`, a second request writes a second message.
    idempotent: false;
    errors: [InvalidApiKey, Forbidden, NotFound, ConversationClosed, IdempotencyKeyReused, RateLimited];
}

/// Maximum length of a request body, in bytes: enough for a text and attributes of maximum length, percent-encoded.
pub const MAX_REQUEST: usize = 100 * 1024;

/// Maximum length of `Attributes`, in bytes.
pub const MAX_ATTRIBUTES: usize = 16 * 1024;

/// Maximum length of `Author`, in characters.
pub const MAX_AUTHOR: usize = 256;

/// The message.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The name that the guest sees: 1 to [`MAX_AUTHOR`] characters, no UUID; `system` by default.
    #[serde(default, rename = "Author", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MAX_AUTHOR), regex(pattern = crate::text::NAME))]
    pub author: Option<String>,
    /// Plain text of 1 to 32,768 bytes.
    #[serde(rename = "Body")]
    #[schemars(length(min = 1, max = MAX_BODY), regex(pattern = crate::text::PLAIN))]
    pub body: String,
    /// A JSON object as text, at most [`MAX_ATTRIBUTES`] bytes.
    #[serde(default, rename = "Attributes", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_ATTRIBUTES), extend("contentMediaType" = "application/json"))]
    pub attributes: Option<String>,
}
