//! `Desk ->> FWO: GET /v1/Conversations/CH…` and `GET /v1/Conversations/CH…/Messages/IM…`.

use super::{Conversation, ConversationPath, DeskMessage, MessagePath, NoFields};
use crate::endpoint;

endpoint! {
    /// Reads a conversation.
    pub struct FetchConversation: "desk_fetch_conversation" = GET "/v1/Conversations/{conversation_sid}",
        also ["/v1/Services/{service_sid}/Conversations/{conversation_sid}"];
    path: ConversationPath;
    request: NoFields;
    response: 200 => Conversation;
    idempotent: true;
    errors: [InvalidApiKey, Forbidden, NotFound, RateLimited];
}

endpoint! {
    /// Reads a message.
    pub struct FetchMessage: "desk_fetch_message" = GET "/v1/Conversations/{conversation_sid}/Messages/{message_sid}",
        also ["/v1/Services/{service_sid}/Conversations/{conversation_sid}/Messages/{message_sid}"];
    path: MessagePath;
    request: NoFields;
    response: 200 => DeskMessage;
    idempotent: true;
    errors: [InvalidApiKey, Forbidden, NotFound, RateLimited];
}
