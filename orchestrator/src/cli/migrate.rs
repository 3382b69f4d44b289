//! `orchestrator migrate`: applies the migrations of the conversations' tables.

use service_runtime::command::Subcommands;

use conversations::MIGRATIONS;

/// The subcommand.
pub const MIGRATE: Subcommands = Subcommands {
    commands: || vec![store::migrate_subcommand()],
    run: |_name, _arguments, settings| store::migrate(settings, MIGRATIONS),
};
