//! The message resource.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Null;
use crate::{AccountSid, ConversationSid, MessageSid, ParticipantSid};

/// Which side wrote a message. Stored with the message and never derived from the author's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The guest.
    Guest,
    /// The desk.
    Desk,
    /// The service, such as the welcome message.
    System,
}

impl Side {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Side::Guest => "guest",
            Side::Desk => "desk",
            Side::System => "system",
        }
    }
}

/// A message as the desk reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeskMessage {
    /// The account.
    pub account_sid: AccountSid,
    /// Its conversation.
    pub conversation_sid: ConversationSid,
    /// The message.
    pub sid: MessageSid,
    /// Its index in the conversation, from 0.
    pub index: u32,
    /// Which side wrote it. Not in Twilio's resource.
    pub side: Side,
    /// The guest's identity, the name that the desk gave, or `system`.
    pub author: String,
    /// Plain text; empty once erased.
    pub body: String,
    /// Not supported.
    pub media: Null,
    /// A JSON object as text.
    pub attributes: String,
    /// The guest, for messages of the guest.
    pub participant_sid: Option<ParticipantSid>,
    /// When it was written.
    #[serde(with = "crate::timestamp::truncated")]
    #[schemars(schema_with = "crate::timestamp::schema")]
    pub date_created: DateTime<Utc>,
    /// When it was written or erased.
    #[serde(with = "crate::timestamp::truncated")]
    #[schemars(schema_with = "crate::timestamp::schema")]
    pub date_updated: DateTime<Utc>,
    /// Absolute.
    pub url: String,
    /// Not supported.
    pub delivery: Null,
    /// Absolute.
    pub links: MessageLinks,
    /// Not supported.
    pub content_sid: Null,
}

/// URLs of what belongs to a message. Neither is served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageLinks {
    /// Not served.
    pub delivery_receipts: String,
    /// Not served.
    pub channel_metadata: String,
}
