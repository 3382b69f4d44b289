//! The arrows into ScopedAuthService.

mod generate;
mod publish_keys;
mod revoke;
mod revoke_before;
mod validate;

pub use generate::generate;
pub use publish_keys::publish_keys;
pub use revoke::revoke;
pub use revoke_before::revoke_before;
pub use validate::validate;
