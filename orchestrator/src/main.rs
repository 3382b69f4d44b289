//! The binary of FlexWebchatOrchestratorService.

use std::process::ExitCode;

use orchestrator::{Config, PROGRAM, start};

fn main() -> ExitCode {
    PROGRAM.run(async |settings, listeners| Ok(start(Config::from_settings(&settings)?, listeners).await?))
}
