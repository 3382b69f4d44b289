//! The diagrams once more, with the services connected in memory: the same guests, the same traffic, no HTTP between the
//! services.

#[path = "sequences/main.rs"]
mod sequences;

use sequences::TestEnv;
