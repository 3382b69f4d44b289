//! What ScopedAuthService is told and answers. Its only caller is FederatedAuthService.

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
