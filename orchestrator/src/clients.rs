//! Clients of other services: the arrows out of FlexWebchatOrchestratorService.

pub mod federated_auth;
pub mod flex_configuration;
pub mod webhook;

pub use federated_auth::FederatedAuthClient;
pub use flex_configuration::FlexConfigurationClient;
pub use webhook::WebhookClient;
