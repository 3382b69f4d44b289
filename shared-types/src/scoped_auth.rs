//! Endpoints of ScopedAuthService. FederatedAuthService is its only caller, except operators on the admin listener and
//! readers of the public keys.

pub mod generate;
pub mod jwks;
pub mod revocations;
pub mod revoke;
pub mod validate;

pub use generate::Generate;
pub use jwks::PublishKeys;
pub use revocations::RevokeSessions;
pub use revoke::Revoke;
pub use validate::Validate;
