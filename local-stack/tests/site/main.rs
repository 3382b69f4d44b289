//! The customer's site: its files, the arrows that it streams, and the controls that simulate failures, in front of a real
//! stack. A test binary of its own: it installs the subscriber of the process (`visit.rs`), whose bounded history of arrows
//! the stacks of other tests would fill.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod arrows;
mod buttons;
mod clock;
mod desk;
mod files;
mod visit;
