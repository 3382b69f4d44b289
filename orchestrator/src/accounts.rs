//! `FWO ->> FWO: Fetches accountSid with Deployment Key` and `FWO ->> FWO: Fetches Account Configurations`: the accounts
//! and deployments of `accounts.toml` (contract, section 10). [`AccountsFile`] follows the file; [`Accounts`] is an
//! immutable snapshot of it; [`DeploymentConfig`] is what one request works with.

mod accounts_file;
mod allowed_origins;
mod api_key;
mod assertion_audiences;
pub mod check;
mod document;
mod flex_configuration_cache;
pub(crate) mod limits;
mod snapshot;
mod webhook;

pub use self::{
    accounts_file::{AccountsFile, AccountsFileError},
    allowed_origins::{AllowedOrigins, MalformedOrigin},
    api_key::{ApiKey, Scope, Scopes, SecretDigest},
    assertion_audiences::AssertionAudiences,
    flex_configuration_cache::FlexConfigurationCache,
    limits::{DeploymentLimits, GuestBytes, RateLimitMode, RetentionDays},
    snapshot::{Account, Accounts, AccountsError, Deployment, DeploymentConfig, ProofKey},
    webhook::{Webhook, WebhookEvents, WebhookUrl},
};
