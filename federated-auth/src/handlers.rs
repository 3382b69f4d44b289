//! Handlers: the arrows into FederatedAuthService.

mod create_token;
mod publish_keys;
mod refresh_token;
mod revoke_token;
mod validate_token;

pub use create_token::create_token;
pub use publish_keys::publish_keys;
pub use refresh_token::refresh_token;
pub use revoke_token::revoke_token;
pub use validate_token::validate_token;
