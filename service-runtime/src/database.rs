//! The database of a service: SQLite for one machine, PostgreSQL for a fleet, behind the same two pools. What stands in
//! it is the service's own; its statements and tables are those that both engines understand, with columns of TEXT and
//! BIGINT alone (sqlx's `Any` driver carries no others over both). What is one engine's own stands below this folder.

mod batch;
mod config;
mod listener;
mod migrate_command;
mod migrations;
mod postgres;
mod purge;
mod rows;
mod sqlite;

use std::{future::Future, io, time::Duration};

use sqlx::{AnyPool, any::AnyConnectOptions, migrate::MigrateError};

pub use self::{
    batch::{Batch, BatchError, TOGETHER, Together},
    config::DatabaseConfig,
    migrate_command::{command as migrate_subcommand, run as migrate},
    migrations::Migrations,
    purge::{PURGED_AT_ONCE, purge_for_ever},
    rows::RowsStatement,
};

/// How long a connection is waited for; a guest waits no longer for an answer.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a call of the store may take in all. An engine that was cut off says nothing, for ever.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long the answer to whether the engine is there may take; health checks do not wait longer.
const PING_DEADLINE: Duration = Duration::from_secs(1);

/// A database. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Database {
    /// For statements that write nothing.
    pub readers: AnyPool,
    /// For transactions that write. Each must begin with its writing statement: there it waits for its turn, while one
    /// that had read before would fail in SQLite if another wrote meanwhile.
    pub writer: AnyPool,
    config: DatabaseConfig,
}

/// Which engine keeps the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file, or memory, of this process.
    Sqlite,
    /// A server that replicas share.
    Postgres,
}

/// Why the store cannot be opened: one line, without the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is of another kind, or malformed.
    #[error("expected sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")]
    Url,
    /// File or directory cannot be made.
    #[error("the database file cannot be made: {0}")]
    File(#[from] io::Error),
    /// The database cannot be opened or reached.
    #[error("the database cannot be opened: {0}")]
    Database(#[from] sqlx::Error),
    /// A server did not answer.
    #[error("the database cannot be opened: no answer in time")]
    Silent,
    /// Its tables cannot be brought up to date.
    #[error("the database's tables cannot be brought up to date: {0}")]
    Migration(#[from] MigrateError),
    /// A server's tables are brought up to date by an operator, not by whichever replica starts first.
    #[error("the database lacks tables of this release; run `{0} migrate` first")]
    OutOfDate(&'static str),
}

impl Database {
    /// Opens the database. In SQLite file, directory and tables are made where they are missing; in PostgreSQL the
    /// tables must be up to date.
    pub async fn open(config: &DatabaseConfig, migrations: Migrations) -> Result<Self, OpenError> {
        let (readers, writer) = match config.engine()? {
            Engine::Sqlite => sqlite::open(config, migrations).await?,
            Engine::Postgres => {
                let pool = postgres::open(config, migrations).await?;
                (pool.clone(), pool)
            }
        };
        Ok(Self { readers, writer, config: config.clone() })
    }

    /// Which engine keeps it.
    pub fn engine(&self) -> Engine {
        self.config.engine().unwrap_or(Engine::Sqlite)
    }

    /// What a statement of one dialect is to have where rows are chosen to be removed: replicas that do so at once take
    /// different rows instead of waiting for each other.
    pub fn skip_locked(&self) -> &'static str {
        match self.engine() {
            Engine::Sqlite => "",
            Engine::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// Bounds a call of the store; one that takes longer has failed.
    pub async fn in_time<T, E: From<sqlx::Error>>(call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        within(DEADLINE, call).await
    }

    /// Bounds the question whether the store is there.
    pub async fn promptly<T, E: From<sqlx::Error>>(call: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        within(PING_DEADLINE, call).await
    }

    /// Closes it, once the transactions under way have ended.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

async fn within<T, E: From<sqlx::Error>>(
    deadline: Duration,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::time::timeout(deadline, call).await.unwrap_or_else(|_| Err(sqlx::Error::PoolTimedOut.into()))
}

fn options(url: &str) -> Result<AnyConnectOptions, OpenError> {
    sqlx::any::install_default_drivers();
    url.parse().map_err(|_| OpenError::Url)
}
