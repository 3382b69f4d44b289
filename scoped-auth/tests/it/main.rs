//! The integration tests of ScopedAuthService, one binary. `tests/many_revocations.rs` is a binary of its own: it measures
//! the memory of its process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod api;
mod config;
mod exposed_files;
mod fuzzed;
mod interoperability;
mod keys_command;
mod keys_follower;
mod keys_rotation;
mod properties;
mod session_model;
mod store;
mod vectors;
