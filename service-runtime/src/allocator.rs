//! The allocator of the services' processes. Each program names it in its `main.rs`; whatever else stands on this crate
//! keeps its own.

pub use mimalloc::MiMalloc as Allocator;
