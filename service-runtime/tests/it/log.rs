//! The log: the format of a line, and that none is lost, torn or late.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod line;
mod log_writer;
mod process;
mod written;
