//! The tests of the diagrams with the services connected in memory: the same guests, the same traffic, no HTTP between the
//! services. A test binary of its own, since the sequences are compiled for one transport (`sequences::in_process`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod it {
    pub(crate) mod diagram;
    pub(crate) mod recorder;
    pub(crate) mod sequences;
    pub(crate) mod verifier;
}

use it::{diagram, recorder, sequences, verifier};
