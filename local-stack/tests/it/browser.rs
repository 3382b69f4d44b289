//! The Browser participant in a real Chromium, through Starship (a real nginx), in front of a real stack.

mod assertion;
mod chromium;
mod conversations_client;
mod cors;
mod delivery;
mod demo_page;
mod embedding;
mod fault;
mod life;
mod outage;
mod sequence;
mod site;
mod sleep;
mod starship;
mod storage;
mod tabs;
mod test_env;
mod theft;
mod webdriver;
mod widget;
