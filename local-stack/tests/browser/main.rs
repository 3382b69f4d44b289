//! The Browser's part in a real Chromium, through Starship, a real nginx, in front of a real stack.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod chromium;
mod demo_page;
mod life;
#[path = "../process/process.rs"]
#[allow(dead_code, reason = "its other tests need more of it")]
mod process;
mod scene;
mod site;
mod starship;
mod webdriver;
