//! The integration tests of the whole stack, one binary. `tests/sequences_in_process.rs` is a second one: it runs the
//! sequences again, with another transport between the services.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod binary;
mod browser;
mod diagram;
mod documentation;
mod mutual_tls;
mod process;
mod recorder;
mod replicas;
mod rolling;
mod sequences;
mod site;
mod traces;
