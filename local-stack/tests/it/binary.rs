//! The stack as people start it: the binary, what it prints, writes and leaves behind, and how it ends.

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
