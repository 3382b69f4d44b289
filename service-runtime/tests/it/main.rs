//! The integration tests of service-runtime, one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod additional_listener;
mod admin;
mod bounds;
mod client;
mod delete;
mod error_bodies;
mod graceful;
mod in_process;
mod log;
mod strict;
mod tls;
