//! The services' allocator. Each binary names it in its `main.rs`; libraries and tests that depend on this crate keep
//! their own.

pub use mimalloc::MiMalloc as Allocator;
