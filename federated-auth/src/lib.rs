//! FederatedAuthService (FAS): decides the grants and the lifetime of a token, and calls ScopedAuthService (SAS) to issue
//! and validate it. In the diagrams it stands between FWO, its only caller, and SAS, of which it is the only caller.

pub mod app;
pub mod clients;
pub mod config;
pub mod error;
pub mod grants;
pub mod handlers;
pub mod settings;
pub mod state;
pub mod verdict;

pub use app::start;
pub use config::{Config, PROGRAM};
