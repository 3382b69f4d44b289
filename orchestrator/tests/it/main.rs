//! The integration tests of FlexWebchatOrchestratorService, one binary. `tests/many_deployments.rs` is a binary of its own:
//! it measures the memory of its process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod accounts;
mod accounts_command;
mod accounts_file;
mod allowed_origins;
mod api;
mod authorize;
mod desk;
mod dpop;
mod explain_command;
mod fuzzed;
mod guests_command;
mod pressure;
mod rate_limit;
mod store;
mod webhooks;
