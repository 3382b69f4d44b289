//! The conversation resource.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EmptyObject, Null};
use crate::{AccountSid, ConversationSid, ConversationsServiceSid};

/// Whether messages can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConversationState {
    /// Guest and desk write.
    Active,
    /// It can only be read. Final.
    Closed,
}

impl ConversationState {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            ConversationState::Active => "active",
            ConversationState::Closed => "closed",
        }
    }
}

/// A conversation as the desk reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conversation {
    /// The account.
    pub account_sid: AccountSid,
    /// The account's conversations service.
    pub chat_service_sid: ConversationsServiceSid,
    /// Not supported.
    pub messaging_service_sid: Null,
    /// The conversation.
    pub sid: ConversationSid,
    /// The name that the desk gave it; at first the guest's name.
    pub friendly_name: Option<String>,
    /// Not supported.
    pub unique_name: Null,
    /// A JSON object as text: the desk's members, and `pre_engagement_data` and `customer_friendly_name` of the guest.
    pub attributes: String,
    /// Whether messages can be written.
    pub state: ConversationState,
    /// When it was opened.
    #[serde(with = "crate::timestamp::truncated")]
    #[schemars(schema_with = "crate::timestamp::schema")]
    pub date_created: DateTime<Utc>,
    /// When it or its messages last changed.
    #[serde(with = "crate::timestamp::truncated")]
    #[schemars(schema_with = "crate::timestamp::schema")]
    pub date_updated: DateTime<Utc>,
    /// Not supported.
    pub timers: EmptyObject,
    /// Absolute.
    pub url: String,
    /// Absolute.
    pub links: ConversationLinks,
    /// Not supported.
    pub bindings: Null,
}

/// URLs of what belongs to a conversation. Participants and webhooks are not served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConversationLinks {
    /// Not served.
    pub participants: String,
    /// Its messages.
    pub messages: String,
    /// Not served.
    pub webhooks: String,
}
