//! Clients of other services: the arrows out of FlexWebchatOrchestratorService.

pub mod federated_auth;
pub mod flex_configuration;

pub use federated_auth::FederatedAuthClient;
pub use flex_configuration::FlexConfigurationClient;
