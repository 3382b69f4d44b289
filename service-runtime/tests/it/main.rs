//! The integration tests of service-runtime, one binary.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod bounds;
mod client;
mod graceful;
mod in_process;
mod log;
mod tls;
