//! `orchestrator migrate`: applies the migrations of the conversations' tables.

use service_runtime::{command::Subcommands, database};

use conversations::MIGRATIONS;

/// The subcommand.
pub const MIGRATE: Subcommands = Subcommands {
    commands: || vec![database::migrate_subcommand()],
    run: |_name, _arguments, settings| database::migrate(settings, MIGRATIONS),
};
