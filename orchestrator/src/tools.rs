//! `orchestrator migrate`: brings the tables of conversations up to date.

use service_runtime::command::Subcommands;

use crate::conversations::MIGRATIONS;

/// The subcommand.
pub const MIGRATE: Subcommands = Subcommands {
    commands: || vec![store::migrate_subcommand()],
    run: |_name, _arguments, settings| store::migrate(settings, MIGRATIONS),
};
