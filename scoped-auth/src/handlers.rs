//! The requests to ScopedAuthService: one module per arrow into it.

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
