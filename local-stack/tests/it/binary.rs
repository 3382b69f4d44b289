//! The stack as users start it: the binary, its output and files, and its shutdown.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod alone;
mod crash;
mod first_minutes;
mod lost_answer;
mod one_process;
mod orphan;
mod shadow;
mod silence;
mod stop;
