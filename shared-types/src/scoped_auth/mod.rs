//! What ScopedAuthService is told and answers. Its only caller is FederatedAuthService.

pub mod generate;
pub mod jwks;
pub mod validate;

pub use generate::Generate;
pub use jwks::PublishKeys;
pub use validate::Validate;
