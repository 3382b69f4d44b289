//! `Desk ->> FWO: DELETE /v1/Conversations/CH…` and `DELETE /v1/Conversations/CH…/Messages/IM…`.

use super::{ConversationPath, MessagePath, NoFields};
use crate::{endpoint, orchestrator::NoParameters};

endpoint! {
    /// Erases a conversation with its messages.
    pub struct DeleteConversation: "desk_delete_conversation" = DELETE "/v1/Conversations/{conversation_sid}",
        also ["/v1/Services/{service_sid}/Conversations/{conversation_sid}"];
    path: ConversationPath;
    request: NoFields;
    response: 204 => NoParameters;
    // Nothing is left to erase the second time.
    idempotent: true;
    errors: [InvalidApiKey, Forbidden, NotFound, RateLimited];
}

endpoint! {
    /// Erases the text of a message, which stays in lists.
    pub struct DeleteMessage: "desk_delete_message" = DELETE "/v1/Conversations/{conversation_sid}/Messages/{message_sid}",
        also ["/v1/Services/{service_sid}/Conversations/{conversation_sid}/Messages/{message_sid}"];
    path: MessagePath;
    request: NoFields;
    response: 204 => NoParameters;
    // The text stays erased.
    idempotent: true;
    errors: [InvalidApiKey, Forbidden, NotFound, RateLimited];
}
