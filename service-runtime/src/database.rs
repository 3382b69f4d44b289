//! The database of a service: SQLite for one machine, PostgreSQL for a fleet, behind the same two calls: one that reads
//! and one that writes. What stands in it is the service's own; its statements and tables are those that both engines
//! understand, with columns of TEXT and BIGINT alone. What is one engine's own stands below this folder.

mod batch;
mod config;
mod error;
mod listener;
mod migrate_command;
mod migrations;
mod postgres;
mod purge;
mod rows;
mod sqlite;
mod statement;

use std::{future::Future, io, time::Duration};

use sqlx::{PgPool, migrate::MigrateError};

use self::sqlite::Sqlite;
pub use self::{
    batch::{BatchExecutor, Batcher},
    config::DatabaseConfig,
    error::DatabaseError,
    migrate_command::{command as migrate_subcommand, run as migrate},
    migrations::Migrations,
    purge::{PURGED_AT_ONCE, run_purge_loop},
    rows::RowsStatement,
    statement::{Column, Outcome, Row, Rows, Sql, Statement, Value},
};

/// How many calls go together at most.
pub const TOGETHER: usize = 64;

/// How long a connection is waited for; a guest waits no longer for an answer.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a call of the store may take in all. An engine that was cut off says nothing, for ever.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long the answer to whether the engine is there may take; health checks do not wait longer.
const PING_DEADLINE: Duration = Duration::from_secs(1);

/// A database. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Database(Kept);

#[derive(Clone, Debug)]
enum Kept {
    Sqlite(Sqlite),
    Postgres(PgPool, DatabaseConfig),
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
    Database(#[from] DatabaseError),
    /// A server did not answer.
    #[error("the database cannot be opened: no answer in time")]
    Silent,
    /// Its tables cannot be brought up to date.
    #[error("the database's tables cannot be brought up to date: {0}")]
    Migration(#[from] MigrateError),
    /// One of the changes failed. None of those that were to be made was made.
    #[error("the database's tables cannot be brought up to date: while executing migration {0}: {1}")]
    Migrating(i64, DatabaseError),
    /// A server's tables are brought up to date by an operator, not by whichever replica starts first.
    #[error("the database lacks tables of this release; run `{0} migrate` first")]
    OutOfDate(&'static str),
}

impl Database {
    /// Opens the database. In SQLite file, directory and tables are made where they are missing; in PostgreSQL the
    /// tables must be up to date.
    pub async fn open(config: &DatabaseConfig, migrations: Migrations) -> Result<Self, OpenError> {
        Ok(Self(match config.engine()? {
            Engine::Sqlite => Kept::Sqlite(Sqlite::open(config, migrations).await?),
            Engine::Postgres => Kept::Postgres(postgres::open(config, migrations).await?, config.clone()),
        }))
    }

    /// The pool, if PostgreSQL keeps it: for what a round trip there makes worth its while.
    pub fn postgres(&self) -> Option<&PgPool> {
        if let Kept::Postgres(pool, _) = &self.0 { Some(pool) } else { None }
    }

    /// The rows that a statement gives which writes nothing.
    ///
    /// SQLite is asked at once, on this thread: for the few rows that guests ask for it is a matter of microseconds, less
    /// than to hand it to another thread, and in its journal's mode who reads waits for nobody.
    pub async fn read(&self, statement: Statement) -> Result<Rows, DatabaseError> {
        self.read_within(DEADLINE, statement).await
    }

    /// Asks with such a statement whether the database is there.
    pub async fn ping(&self, statement: Statement) -> Result<(), DatabaseError> {
        self.read_within(PING_DEADLINE, statement).await.map(drop)
    }

    async fn read_within(&self, deadline: Duration, statement: Statement) -> Result<Rows, DatabaseError> {
        match &self.0 {
            Kept::Sqlite(sqlite) => sqlite.read(&statement),
            // On the heap: what a request moves about must not have room for a server's protocol.
            Kept::Postgres(pool, _) => within(deadline, Box::pin(postgres::read(pool, statement))).await,
        }
    }

    /// Runs statements one after the other in one transaction, all of them or, if one fails, none. When this returns
    /// what became of each, no crash loses it.
    ///
    /// A caller who goes away early leaves a whole transaction or none.
    pub async fn write<const N: usize>(
        &self,
        statements: [Statement; N],
    ) -> Result<[Outcome; N], DatabaseError> {
        let outcomes = self.write_all(statements.into()).await?;
        // There is one of each.
        outcomes.try_into().map_err(|_| DatabaseError::Closed)
    }

    /// The same for any number of statements.
    pub async fn write_all(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
        match &self.0 {
            Kept::Sqlite(sqlite) => within(DEADLINE, sqlite.write(statements)).await,
            Kept::Postgres(pool, _) => within(DEADLINE, Box::pin(postgres::write(pool, statements))).await,
        }
    }

    /// Closes it, for all clones, once the transactions under way have ended.
    pub async fn close(&self) {
        match &self.0 {
            Kept::Sqlite(sqlite) => sqlite.close().await,
            Kept::Postgres(pool, _) => pool.close().await,
        }
    }
}

/// Bounds a call; one that takes longer has failed.
async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    tokio::time::timeout(deadline, call).await.unwrap_or(Err(DatabaseError::Silent))
}
