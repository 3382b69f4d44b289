//! The integration tests of shared-types, one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod fingerprint_browsers;
mod fingerprint_faces;
mod fingerprint_maker;
mod fingerprint_optional_widget;
mod fingerprint_pairs;
mod fingerprint_policy;
mod fingerprint_properties;
mod fingerprint_sessions;
mod fingerprint_signals;
mod fingerprint_support;
mod fingerprint_thief;
mod wire;
