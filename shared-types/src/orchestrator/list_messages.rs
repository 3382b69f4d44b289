//! `Browser ->> FWO: GET /v2/WebChannels/CH…/Messages` (contract, section 3), with the token as bearer.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConversationPath;
use crate::{MessageSid, desk::ConversationState, endpoint};

endpoint! {
    /// Reads the messages of a conversation.
    pub struct ListMessages: "list_messages" = GET "/v2/WebChannels/{conversation_sid}/Messages";
    path: ConversationPath;
    request: Request;
    response: 200 => Response;
    // Read-only.
    idempotent: true;
    errors: [RateLimited, DeploymentKeyNotFound, DeploymentKeyDisabled, OriginNotAllowed, FingerprintUnavailable, InvalidDpopProof, UseDpopNonce, InvalidToken, ExpiredToken, RevokedToken, SessionExpired, FingerprintInvalid, NotFound, UpstreamInvalid, UpstreamTimeout];
}

/// `?after=INDEX`, with `wait=SECONDS`; or `last=N` and `before=INDEX`. The header `webchat-after` can stand for `after`, so
/// that one preflight serves all requests.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// Returns only messages with a greater index; all messages if it is missing.
    #[serde(default, alias = "After", skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
    /// If there is no such message, waits for one, for at most this number of seconds; more than [`MAX_WAIT`] count as that
    /// many.
    #[serde(default, alias = "Wait", skip_serializing_if = "Option::is_none")]
    pub wait: Option<u32>,
    /// Returns the last messages, at most this number of them.
    #[serde(default, alias = "Last", skip_serializing_if = "Option::is_none")]
    pub last: Option<u32>,
    /// Returns the last messages before this index: [`DEFAULT_LAST`] without `last`.
    #[serde(default, alias = "Before", skip_serializing_if = "Option::is_none")]
    pub before: Option<u32>,
}

/// Maximum of `wait`, in seconds.
pub const MAX_WAIT: u32 = 25;

/// Default of `last` with `before`.
pub const DEFAULT_LAST: u32 = 50;

/// `{messages:[…], last_index?, state}`: the messages in the order of their index, at most [`PAGE`] of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// The messages. Fewer than [`PAGE`] may still be followed by more, since a page is also bounded in bytes.
    pub messages: Vec<ChatMessage>,
    /// The index of the conversation's last message, which may be on a later page; absent if there are no messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_index: Option<u32>,
    /// Whether messages can be written.
    pub state: ConversationState,
}

/// Maximum number of messages per response. The next page starts after the index of the last one.
pub const PAGE: u32 = 200;

/// Maximum length of a response in bytes, unless it has a single message.
pub const PAGE_BYTES: usize = 64 * 1024;

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChatMessage {
    /// The message.
    pub sid: MessageSid,
    /// Its index in the conversation, from 0.
    pub index: u32,
    /// The author's identity, or `system`.
    pub author: String,
    /// Plain text.
    pub body: String,
    /// When it was written.
    #[serde(with = "crate::timestamp")]
    #[schemars(schema_with = "crate::timestamp::schema")]
    pub date_created: DateTime<Utc>,
}
