//! `orchestrator migrate`: applies the migrations of the conversations' tables.

use service_runtime::command::Subcommands;

use conversations::MIGRATIONS;

use crate::settings::DatabaseSettings;

/// The subcommand.
pub const MIGRATE: Subcommands = Subcommands {
    commands: || vec![store::migrate_subcommand()],
    run: |_name, _arguments, environment| {
        let settings: DatabaseSettings = environment.fill()?;
        store::migrate(environment, &settings.config(), MIGRATIONS)
    },
};
