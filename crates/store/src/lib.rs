//! A service's database: SQLite on one machine, PostgreSQL for a fleet. The service owns its tables and statements;
//! both engines support them, with columns of TEXT and BIGINT only. A separate crate so that FederatedAuthService,
//! which stores nothing, links neither engine.

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
mod sqlite;
mod statement;

pub use {
    batch::{BatchExecutor, Batcher},
    config::{Connections, DatabaseConfig, DatabaseUrl, Engine},
    database::Database,
    error::{DatabaseError, OpenError},
    limits::MAX_BATCH_SIZE,
    listener::Notification,
    migrate_command::{command as migrate_subcommand, run as migrate},
    migrations::{Migrations, migrator},
    postgres::{Idempotency, PostgresPool},
    purge::{PURGE_BATCH_ROWS, run_purge_loop},
    statement::{Column, Outcome, Row, Rows, Sql, Statement, Value},
};
