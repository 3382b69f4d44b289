//! The Browser participant in a real Chromium, through Starship (a real nginx), in front of a real stack.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod chromium;
mod cors;
mod demo_page;
#[path = "../sequences/diagram.rs"]
mod diagram;
mod life;
mod outage;
#[path = "../process/process.rs"]
#[allow(dead_code, reason = "its other tests need more of it")]
mod process;
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
