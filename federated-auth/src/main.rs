//! The binary of FederatedAuthService.

use std::process::ExitCode;

use federated_auth::{Config, PROGRAM, start};

fn main() -> ExitCode {
    PROGRAM.run(async |settings, listeners| Ok(start(Config::from_settings(&settings)?, listeners)?))
}
