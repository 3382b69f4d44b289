//! The three services in one process, each on its own port and with its own connections, talking real HTTP, or connected
//! in memory: what `cargo run` starts for people, and tests on free ports. Two stacks may live in one process.

pub mod certificates;
pub mod demo;
pub mod demonstration;
pub mod guest;
pub mod plan;
pub mod proof_key;
pub mod scoped_auth_switch;
pub mod secrets;
pub mod site;
pub mod stack;
pub mod starship;
pub mod trace_events;
pub mod wire;

pub use certificates::Certificates;
pub use demonstration::{Demonstration, Edge};
pub use guest::{Answer, Guest};
pub use plan::{Plan, Ports};
pub use scoped_auth_switch::ScopedAuthSwitch;
pub use site::{Site, SitePlan};
pub use stack::Stack;
pub use starship::{Starship, StarshipPlan};
pub use trace_events::TraceEvents;
pub use wire::{Direct, Participant, Wire};
