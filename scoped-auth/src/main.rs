//! The binary of ScopedAuthService.

use std::process::ExitCode;

use scoped_auth::{Config, PROGRAM, start};
use service_runtime::allocator::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    PROGRAM
        .run(async |environment, listeners| start(Config::from_environment(&environment)?, listeners).await)
}
