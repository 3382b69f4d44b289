//! What the integration tests of all crates share. A dev-dependency only: no service links it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper that fails is a test that fails"
)]

pub mod authority;
pub mod direct;
pub mod http;
pub mod postgres;
pub mod scripted_peer;
#[cfg(feature = "services")]
pub mod services;
pub mod smallest_service;
pub mod tcp_proxy;
mod wait;

pub use wait::{eventually, within};
