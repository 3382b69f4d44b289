//! Request handlers: the arrows into FlexWebchatOrchestratorService.

mod authorize;
mod create_assertion;
mod create_token;
pub mod desk;
mod init;
mod list_messages;
mod open_conversation;
mod public_configuration;
mod publish_keys;
mod refresh_token;
mod revoke_token;
mod send_message;

pub use authorize::authorize;
pub use create_assertion::create_assertion;
pub use create_token::create_token;
pub use init::init;
pub use list_messages::list_messages;
pub use open_conversation::open_conversation;
pub use public_configuration::{configuration, public_configuration};
pub use publish_keys::publish_keys;
pub use refresh_token::refresh_token;
pub use revoke_token::revoke_token;
pub use send_message::send_message;
