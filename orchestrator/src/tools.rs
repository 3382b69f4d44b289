//! `orchestrator migrate`: brings the tables of conversations up to date.

use service_runtime::{command::Tools, database};

use crate::conversations::MIGRATIONS;

/// The subcommand.
pub const MIGRATE: Tools = Tools {
    commands: || vec![database::migrate_subcommand()],
    run: |_name, _arguments, settings| database::migrate(settings, MIGRATIONS),
};
