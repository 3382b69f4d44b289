//! Clients: the arrows out of FederatedAuthService.

pub mod scoped_auth;

pub use scoped_auth::ScopedAuthClient;
