//! The desk's API (contract, section 11): the part of Twilio's Conversations API v1 that this service implements, so that
//! Twilio's published client libraries work with it. Parameters are form-encoded with PascalCase names; unknown ones are
//! rejected. Responses are JSON with snake_case names. Every route also exists under `/v1/Services/IS…`.

mod conversation;
pub mod create_message;
mod delete;
mod error;
mod fetch;
pub mod list_conversations;
pub mod list_messages;
pub mod list_participant_conversations;
mod message;
mod page;
mod participant_conversation;
mod path;
pub mod update_conversation;

pub use self::{
    conversation::{Conversation, ConversationLinks, ConversationState},
    create_message::CreateMessage,
    delete::{DeleteConversation, DeleteMessage},
    error::{DeskError, number},
    fetch::{FetchConversation, FetchMessage},
    list_conversations::ListConversations,
    list_messages::ListDeskMessages,
    list_participant_conversations::ListParticipantConversations,
    message::{DeskMessage, MessageLinks, Side},
    page::{MAX_PAGE, Meta, PAGE_BYTES, PageQuery},
    participant_conversation::{ParticipantConversation, ParticipantConversationLinks},
    path::{ConversationPath, MessagePath, ServicePath},
    update_conversation::UpdateConversation,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A member that is always `null`: a part of Twilio's resource that this service does not have.
pub type Null = ();

/// A request without parameters: any parameter is rejected.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}

/// A member that is always `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EmptyObject {}
