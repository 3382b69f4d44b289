//! The integration tests of the whole stack, one binary. Two more have a reason: `tests/site/` installs the subscriber of its
//! process, and `tests/sequences_in_process.rs` runs the sequences again with another transport between the services.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod binary;
mod browser;
mod diagram;
mod documentation;
mod mutual_tls;
mod openapi;
mod process;
mod recorder;
mod replicas;
mod rolling;
mod sequences;
mod settings;
mod traces;
mod verifier;
