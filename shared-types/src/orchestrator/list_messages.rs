//! `Browser ->> FWO: GET /v2/WebChannels/CH…/Messages` (contract, section 3), with the token as bearer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ConversationPath;
use crate::{MessageSid, endpoint};

endpoint! {
    /// The page reads the conversation.
    pub struct ListMessages: "list_messages" = GET "/v2/WebChannels/{conversation_sid}/Messages";
    path: ConversationPath;
    request: Request;
    response: 200 => Response;
    // It reads.
    idempotent: true;
    errors: [RateLimited, DeploymentKeyNotFound, DeploymentKeyDisabled, OriginNotAllowed, FingerprintUnavailable, InvalidDpopProof, UseDpopNonce, InvalidToken, ExpiredToken, RevokedToken, SessionExpired, FingerprintInvalid, NotFound, UpstreamInvalid, UpstreamTimeout];
}

/// `?after=INDEX`
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Request {
    /// Only messages with a greater index; all of them where it is missing.
    #[serde(default, alias = "After", skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
}

/// `{messages:[…], last_index?}`: the messages in the order of their index, at most [`PAGE`] of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The messages. Fewer than [`PAGE`] are not the end: a page is bounded in bytes, too.
    pub messages: Vec<ChatMessage>,
    /// The index of the conversation's last message, whichever page it is on; absent while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_index: Option<u32>,
}

/// How many messages one answer holds at the most; the rest follows after the last index.
pub const PAGE: u32 = 200;

/// How many bytes one answer has at the most, unless it is of a single message.
pub const PAGE_BYTES: usize = 64 * 1024;

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// The message.
    pub sid: MessageSid,
    /// Its place in the conversation, from 0.
    pub index: u32,
    /// The identity of who wrote it, or `system`.
    pub author: String,
    /// Plain text.
    pub body: String,
    /// When it was written.
    #[serde(with = "crate::timestamp")]
    pub date_created: DateTime<Utc>,
}
