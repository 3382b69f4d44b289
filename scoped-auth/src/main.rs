//! The binary of ScopedAuthService.

use std::process::ExitCode;

use scoped_auth::{Config, PROGRAM, start};

fn main() -> ExitCode {
    PROGRAM.run(async |settings, listeners| Ok(start(Config::from_settings(&settings)?, listeners).await?))
}
