//! The `migrate` subcommand of a service that keeps a database.

use std::io::Write as _;

use clap::Command;

use crate::{
    config::{DatabaseConfig, Engine},
    error::OpenError,
    migrations::Migrations,
    postgres, sqlite,
};
use service_runtime::{
    command::StartError,
    settings::{SettingError, Settings},
};

/// Its form.
pub fn command() -> Command {
    Command::new("migrate")
        .about("Bring the tables of the database up to date, and tell what was done; before a new release starts")
        .after_help(
            "Of the settings it needs those of the database alone. Several at once wait for each other. SQLite is \
             migrated by the service itself.\n\nExit codes: 0 up to date, 1 failed, 2 not a command",
        )
}

/// Migrates the database that the settings name.
pub fn run(settings: &Settings, migrations: Migrations) -> Result<(), StartError> {
    let config = DatabaseConfig::from_settings(settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let applied = runtime
        .block_on(config.migrate(migrations))
        .map_err(|error| -> SettingError { settings.error("database_url", error) })?;
    let mut told: String = applied.iter().map(|migration| format!("{migration}: applied\n")).collect();
    if applied.is_empty() {
        told.push_str("nothing to apply\n");
    }
    Ok(std::io::stdout().write_all(told.as_bytes())?)
}

impl DatabaseConfig {
    /// Brings the tables up to date; the migrations that were applied.
    pub async fn migrate(&self, migrations: Migrations) -> Result<Vec<String>, OpenError> {
        match self.engine()? {
            Engine::Sqlite => sqlite::migrate(self, migrations).await,
            Engine::Postgres => postgres::migrate(self, migrations).await,
        }
    }
}
