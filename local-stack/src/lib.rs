//! The three services in one process, connected by HTTP on their own ports or in memory. `cargo run` starts one stack on the
//! designed ports, tests start theirs on free ports; several stacks may run in one process.

pub mod certificates;
pub mod clock_offset;
pub mod config;
pub mod demo;
pub mod demonstration;
pub mod desk;
pub mod guest;
pub mod proof_key;
pub mod scoped_auth_switch;
pub mod secrets;
pub mod site;
pub mod stack;
pub mod starship;
pub mod trace_events;
pub mod wire;

pub use certificates::Certificates;
pub use clock_offset::ClockOffset;
pub use config::{Ports, StackConfig};
pub use demonstration::{Demonstration, Edge};
pub use desk::Desk;
pub use guest::{Answer, Guest};
pub use scoped_auth_switch::ScopedAuthSwitch;
pub use site::{Site, SiteConfig};
pub use stack::Stack;
pub use starship::{Starship, StarshipConfig};
pub use trace_events::TraceEvents;
pub use wire::{Direct, Participant, Wire};
