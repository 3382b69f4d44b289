//! ScopedAuthService (SAS): makes and judges tokens; the only participant that holds keys. In the diagrams it is the
//! rightmost participant: only FAS calls it, and it calls no other service.

pub mod app;
pub mod audit;
mod cli;
pub mod config;
pub mod counters;
pub mod error;
pub mod handlers;
pub mod keys_follower;
pub mod revocations;
pub mod sessions;
pub mod settings;
pub mod state;
pub mod store;

pub use app::start;
pub use config::{Config, PROGRAM};
