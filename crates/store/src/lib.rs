//! A service's database: SQLite on one machine, PostgreSQL for a fleet, behind one call that reads and one that writes.
//! The service owns its tables and statements; both engines understand them, with TEXT and BIGINT columns only. A crate of
//! its own so that FederatedAuthService, which stores nothing, links neither engine.

mod batch;
mod config;
mod database;
mod error;
mod limits;
mod listener;
mod migrate_command;
mod migrations;
mod postgres;
mod purge;
mod rows;
mod sqlite;
mod statement;

pub use {
    batch::{BatchExecutor, Batcher},
    config::{DatabaseConfig, Engine},
    database::Database,
    error::{DatabaseError, OpenError},
    limits::TOGETHER,
    migrate_command::{command as migrate_subcommand, run as migrate},
    migrations::Migrations,
    purge::{PURGED_AT_ONCE, run_purge_loop},
    rows::RowsStatement,
    statement::{Column, Outcome, Row, Rows, Sql, Statement, Value},
};
