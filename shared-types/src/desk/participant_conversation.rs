//! The participant-conversation resource: a conversation of a guest.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConversationState, EmptyObject, Null};
use crate::{AccountSid, ConversationSid, ConversationsServiceSid, Identity, ParticipantSid};

/// A conversation in the list of a guest's conversations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParticipantConversation {
    /// The account.
    pub account_sid: AccountSid,
    /// The account's conversations service.
    pub chat_service_sid: ConversationsServiceSid,
    /// The guest in the conversation.
    pub participant_sid: ParticipantSid,
    /// Not supported.
    pub participant_user_sid: Null,
    /// The guest.
    pub participant_identity: Identity,
    /// Not supported.
    pub participant_messaging_binding: Null,
    /// The conversation.
    pub conversation_sid: ConversationSid,
    /// Not supported.
    pub conversation_unique_name: Null,
    /// As [`friendly_name`](super::Conversation::friendly_name).
    pub conversation_friendly_name: Option<String>,
    /// As [`attributes`](super::Conversation::attributes).
    pub conversation_attributes: String,
    /// When it was opened.
    #[serde(with = "crate::timestamp::truncated")]
    #[schemars(schema_with = "crate::timestamp::schema")]
    pub conversation_date_created: DateTime<Utc>,
    /// When it or its messages last changed.
    #[serde(with = "crate::timestamp::truncated")]
    #[schemars(schema_with = "crate::timestamp::schema")]
    pub conversation_date_updated: DateTime<Utc>,
    /// The guest, who opened it.
    pub conversation_created_by: Identity,
    /// Whether messages can be written.
    pub conversation_state: ConversationState,
    /// Not supported.
    pub conversation_timers: EmptyObject,
    /// Absolute.
    pub links: ParticipantConversationLinks,
}

/// URLs of participant and conversation. The participant is not served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParticipantConversationLinks {
    /// Not served.
    pub participant: String,
    /// The conversation.
    pub conversation: String,
}
