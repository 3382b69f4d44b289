//! The customer's site: its files, the arrows that it streams and the buttons that cause failures, in front of a real
//! stack.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod arrows;
mod buttons;
mod files;
mod visit;
