//! The Browser's part in a real Chromium, through Starship, a real nginx, in front of a real stack.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod chromium;
mod cors;
#[path = "../sequences/diagram.rs"]
mod diagram;
mod life;
mod outage;
#[path = "../sequences/recorder.rs"]
mod recorder;
mod scene;
mod sequence;
mod site;
mod sleep;
mod starship;
mod storage;
mod tabs;
mod theft;
mod weather;
mod webdriver;
mod widget;
