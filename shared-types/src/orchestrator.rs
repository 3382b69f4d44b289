//! Endpoints of FlexWebchatOrchestratorService: the public routes, and the one for proxies. Requests may name their fields in camelCase, PascalCase
//! or snake_case.

pub mod authorize;
pub mod create_assertion;
pub mod create_token;
pub mod init;
pub mod list_messages;
pub mod open_conversation;
pub mod public_configuration;
pub mod publish_keys;
pub mod refresh_token;
pub mod revoke_token;
pub mod send_message;

pub use authorize::Authorize;
pub use create_assertion::CreateAssertion;
pub use create_token::CreateToken;
pub use init::Init;
pub use list_messages::ListMessages;
pub use open_conversation::OpenConversation;
pub use public_configuration::PublicConfiguration;
pub use publish_keys::PublishKeys;
pub use refresh_token::RefreshToken;
pub use revoke_token::RevokeToken;
pub use send_message::SendMessage;

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    endpoint::{PathParameters, fill},
    ids::ConversationSid,
};

/// Path parameter of the routes of one conversation.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConversationPath {
    /// The conversation.
    pub conversation_sid: ConversationSid,
}

impl PathParameters for ConversationPath {
    fn fill(&self, template: &'static str) -> Cow<'static, str> {
        fill(template, &[&self.conversation_sid])
    }
}

/// No parameters: an empty path, query, body or response.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct NoParameters {}

impl PathParameters for NoParameters {
    fn fill(&self, template: &'static str) -> Cow<'static, str> {
        Cow::Borrowed(template)
    }
}
