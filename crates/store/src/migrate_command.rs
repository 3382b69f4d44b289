//! The `migrate` subcommand of services with a database.

use std::io::Write as _;

use clap::Command;

use crate::{
    config::{DatabaseConfig, Engine},
    error::OpenError,
    migrations::Migrations,
    postgres, sqlite,
};
use service_runtime::{Environment, SettingError, command::StartError};

/// The clap definition.
pub fn command() -> Command {
    Command::new("migrate")
        .about("Migrate the database, before a new release starts; prints the applied migrations")
        .after_help(
            "Needs only the database settings. Concurrent runs wait for each other. SQLite is \
             migrated by the service itself.\n\nExit codes: 0 up to date, 1 failed, 2 not a command",
        )
}

/// Migrates the database of the settings and prints the applied migrations.
pub fn run(
    environment: &Environment,
    config: &DatabaseConfig,
    migrations: Migrations,
) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let applied = runtime
        .block_on(config.migrate(migrations))
        .map_err(|error| -> SettingError { environment.error("database_url", error) })?;
    let mut output: String = applied.iter().map(|migration| format!("{migration}: applied\n")).collect();
    if applied.is_empty() {
        output.push_str("nothing to apply\n");
    }
    Ok(std::io::stdout().write_all(output.as_bytes())?)
}

impl DatabaseConfig {
    /// Migrates the database; returns the applied migrations.
    pub async fn migrate(&self, migrations: Migrations) -> Result<Vec<String>, OpenError> {
        match self.engine()? {
            Engine::Sqlite => sqlite::migrate(self, migrations).await,
            Engine::Postgres => postgres::migrate(self, migrations).await,
        }
    }
}
