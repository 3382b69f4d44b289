//! The Browser's part in a real Chromium, through Starship, a real nginx, in front of a real stack.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod chromium;
mod life;
mod scene;
mod site;
mod starship;
mod webdriver;
