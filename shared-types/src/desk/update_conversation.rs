//! `Desk ->> FWO: POST /v1/Conversations/CH…`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Conversation, ConversationPath, create_message::MAX_REQUEST};
use crate::endpoint;

endpoint! {
    /// Changes a conversation, or closes it.
    pub struct UpdateConversation: "desk_update_conversation" = POST "/v1/Conversations/{conversation_sid}",
        also ["/v1/Services/{service_sid}/Conversations/{conversation_sid}"];
    path: ConversationPath;
    request: Request;
    max_request_body: MAX_REQUEST;
    response: 200 => Conversation;
    // The values are set, not added.
    idempotent: true;
    errors: [InvalidApiKey, Forbidden, NotFound, RateLimited];
}

/// Maximum length of a name, in characters.
pub const MAX_NAME: usize = 256;

/// Missing fields stay as they are.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// `closed`: final.
    #[serde(default, rename = "State", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["closed", null]))]
    pub state: Option<String>,
    /// At most [`MAX_NAME`] characters; empty for none.
    #[serde(default, rename = "FriendlyName", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_NAME), regex(pattern = crate::text::NAME))]
    pub friendly_name: Option<String>,
    /// A JSON object as text, at most [`MAX_ATTRIBUTES`](super::create_message::MAX_ATTRIBUTES) bytes. The guest's members
    /// may be repeated unchanged.
    #[serde(default, rename = "Attributes", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = super::create_message::MAX_ATTRIBUTES), extend("contentMediaType" = "application/json"))]
    pub attributes: Option<String>,
}
