//! FlexWebchatOrchestratorService (FWO): the only participant that browsers reach. It finds the account of a deployment
//! key and its configuration, generates the fingerprint, applies the rule of CORS, and keeps the conversations; tokens
//! it only hands on. In the diagrams it stands between the Browser (through Starship) and FAS.

pub mod access_policy;
pub mod accounts;
pub mod accounts_file;
pub mod accounts_tools;
pub mod admission;
pub mod allowed_origins;
pub mod answer_budget;
pub mod app;
pub mod client_address;
pub mod clients;
pub mod config;
pub mod configuration;
pub mod conversation_setup;
pub mod cors;
pub mod counters;
pub mod dpop;
pub mod error;
mod expiring_map;
pub mod explain;
pub mod fetched;
pub mod fingerprint;
pub mod guest;
pub mod handlers;
pub mod identity;
pub mod limit;
mod networks;
mod once_per_minute;
pub mod proof;
pub mod rate_limit;
pub mod session;
pub mod state;
pub mod tools;

pub use app::{start, start_with};
pub use config::{Config, PROGRAM};
