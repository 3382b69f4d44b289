//! FlexWebchatOrchestratorService (FWO): the only service that browsers reach. It resolves the account of a deployment key
//! and its configuration, generates the fingerprint, enforces CORS and rate limits, and stores conversations. It never
//! opens tokens; FAS issues and validates them. In the diagrams it is between the Browser (through Starship) and FAS.

pub mod accounts;
pub mod admission;
pub mod app;
pub mod authorize;
pub mod cli;
pub mod clients;
pub mod config;
pub mod counters;
pub mod dpop;
pub mod error;
mod expiring_map;
pub mod handlers;
mod idempotency_key;
mod latest_fetch;
mod once_per_minute;
pub mod published_keys;
pub mod session;
pub mod settings;
pub mod state;
mod text;
pub mod webhooks;

pub use app::{start, start_with};
pub use config::{Config, PROGRAM};
