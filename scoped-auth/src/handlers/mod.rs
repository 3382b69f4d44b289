//! The arrows into ScopedAuthService.

mod generate;
mod publish_keys;
mod validate;

pub use generate::generate;
pub use publish_keys::publish_keys;
pub use validate::validate;
