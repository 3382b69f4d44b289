//! ScopedAuthService (SAS): makes tokens and judges them; the only participant that holds keys. In the diagrams it
//! stands at the right-hand end: FAS alone calls it, and it calls nobody.

pub mod app;
pub mod audit;
pub mod claims;
pub mod config;
pub mod counters;
mod crypto;
pub mod error;
pub mod handlers;
pub mod jose;
pub mod judgement;
pub mod key_file;
pub mod key_ring;
pub mod keys_follower;
mod revocation_lag;
pub mod revocations;
pub mod revoke_tool;
pub mod sessions;
pub mod shown;
pub mod state;
pub mod store;
pub mod succession;
mod token_life;
pub mod tools;

pub use app::start;
pub use config::{Config, PROGRAM};
