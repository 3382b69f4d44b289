//! The binary of FlexWebchatOrchestratorService.

use std::process::ExitCode;

use orchestrator::{Config, PROGRAM, start};
use service_runtime::allocator::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    PROGRAM
        .run(async |environment, listeners| start(Config::from_environment(&environment)?, listeners).await)
}
