//! The arrows into ScopedAuthService.

mod generate;
mod publish_keys;
mod revoke;
mod revoke_sessions;
mod validate;

pub use generate::generate;
pub use publish_keys::publish_keys;
pub use revoke::revoke;
pub use revoke_sessions::revoke_sessions;
pub use validate::validate;
