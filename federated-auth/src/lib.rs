//! FederatedAuthService (FAS): decides which grants a token has and how long it lives, and has ScopedAuthService make
//! and judge it. In the diagrams it stands between FWO, its only caller, and SAS, which it alone calls.

pub mod app;
pub mod clients;
pub mod config;
pub mod error;
pub mod grants;
pub mod handlers;
pub mod judgement;
pub mod state;

pub use app::start;
pub use config::{Config, PROGRAM};
