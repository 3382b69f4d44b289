//! The diagrams again with the services connected in memory: same guests, same traffic, no HTTP between the services.

#[path = "sequences/main.rs"]
mod sequences;

use sequences::TestEnv;
