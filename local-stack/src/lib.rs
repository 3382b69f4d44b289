//! The three services in one process, each on its own port and with its own connections, talking real HTTP: what
//! `cargo run` starts for people, and tests on free ports. Two stacks may live in one process.

pub mod certificates;
pub mod demo;
pub mod guest;
pub mod proof_key;
pub mod secrets;
pub mod stack;
pub mod starship;
pub mod wire;

pub use certificates::Certificates;
pub use guest::{Answer, Guest};
pub use stack::{Plan, Ports, Stack};
pub use starship::{Starship, StarshipPlan};
pub use wire::{Direct, Participant, Wire};
