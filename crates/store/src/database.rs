//! A service's database on either engine, with one call that reads and one that writes.

use crate::{
    config::{DatabaseConfig, Engine},
    error::{DatabaseError, OpenError},
    limits::{DEADLINE, PROBE_DEADLINE, within},
    migrations::Migrations,
    postgres::{self, Idempotency, PostgresPool},
    sqlite::Sqlite,
    statement::{Outcome, Rows, Statement},
};

/// A database. Cheap to clone; clones share it.
#[derive(Clone, Debug)]
pub struct Database(pub(crate) Inner);

#[derive(Clone, Debug)]
pub(crate) enum Inner {
    Sqlite(Sqlite),
    Postgres(PostgresPool, DatabaseConfig),
}

impl Database {
    /// Opens the database. SQLite: creates file, directory and tables if missing. PostgreSQL: the tables must be up to
    /// date.
    pub async fn open(config: &DatabaseConfig, migrations: Migrations) -> Result<Self, OpenError> {
        Ok(Self(match config.engine()? {
            Engine::Sqlite => Inner::Sqlite(Sqlite::open(config, migrations).await?),
            Engine::Postgres => Inner::Postgres(postgres::open(config, migrations).await?, config.clone()),
        }))
    }

    /// The PostgreSQL pool, for statements worth an implementation of their own there; `None` for SQLite.
    pub fn postgres(&self) -> Option<&PostgresPool> {
        if let Inner::Postgres(pool, _) = &self.0 { Some(pool) } else { None }
    }

    /// Runs a read-only statement and returns its rows.
    ///
    /// SQLite runs on the calling thread: reading the few rows of a request takes microseconds, less than handing it to
    /// another thread, and in WAL mode readers are never blocked.
    pub async fn read(&self, statement: Statement) -> Result<Rows, DatabaseError> {
        match &self.0 {
            Inner::Sqlite(sqlite) => sqlite.read(&statement),
            // Boxed: a server's protocol would enlarge every request's future.
            Inner::Postgres(pool, _) => within(DEADLINE, Box::pin(postgres::read(pool, statement))).await,
        }
    }

    /// Checks that the database could be written to, with an `UPDATE` that matches no row. It needs the permission, a
    /// writable database, and SQLite's write lock and file; it leaves nothing behind.
    pub async fn probe(&self, statement: Statement) -> Result<(), DatabaseError> {
        let probe = self.run_write(Idempotency::Idempotent, vec![statement]);
        within(PROBE_DEADLINE, probe).await.map(drop)
    }

    /// Runs statements in order in one transaction, all or none. When this returns their outcomes, they are durable.
    ///
    /// If the caller is cancelled, the transaction runs as a whole or not at all.
    pub async fn write<const N: usize>(
        &self,
        statements: [Statement; N],
    ) -> Result<[Outcome; N], DatabaseError> {
        self.write_as(Idempotency::AtMostOnce, statements).await
    }

    /// [`write`](Self::write), which is repeated once if `idempotency` allows it and the connection to PostgreSQL breaks.
    pub async fn write_as<const N: usize>(
        &self,
        idempotency: Idempotency,
        statements: [Statement; N],
    ) -> Result<[Outcome; N], DatabaseError> {
        let outcomes = within(DEADLINE, self.run_write(idempotency, statements.into())).await?;
        // One outcome per statement.
        outcomes.try_into().map_err(|_| DatabaseError::Closed)
    }

    /// [`write`](Self::write) for any number of statements.
    pub async fn write_all(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
        within(DEADLINE, self.run_write(Idempotency::AtMostOnce, statements)).await
    }

    /// [`write_all`](Self::write_all) for statements with the same effect and result if they are executed twice: they
    /// are repeated once if the connection to PostgreSQL breaks.
    pub async fn write_idempotent(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
        within(DEADLINE, self.run_write(Idempotency::Idempotent, statements)).await
    }

    async fn run_write(
        &self,
        idempotency: Idempotency,
        statements: Vec<Statement>,
    ) -> Result<Vec<Outcome>, DatabaseError> {
        match &self.0 {
            Inner::Sqlite(sqlite) => sqlite.write(statements).await,
            Inner::Postgres(pool, _) => Box::pin(postgres::write(pool, idempotency, statements)).await,
        }
    }

    /// Removes what deleted rows of `tables` left behind: truncates SQLite's write-ahead log, and vacuums PostgreSQL's
    /// tables, which takes as long as they are large. PostgreSQL's own write-ahead log, replicas and backups keep their
    /// copies.
    ///
    /// `false` if a reader of another process kept the log of SQLite in use for 5 s.
    pub async fn scrub(&self, tables: &[&'static str]) -> Result<bool, DatabaseError> {
        match &self.0 {
            Inner::Sqlite(sqlite) => sqlite.checkpoint().await,
            Inner::Postgres(_, config) => postgres::vacuum(config, tables).await.map(|()| true),
        }
    }

    /// Closes the database for all clones, after running transactions.
    pub async fn close(&self) {
        match &self.0 {
            Inner::Sqlite(sqlite) => sqlite.close().await,
            Inner::Postgres(pool, _) => pool.close().await,
        }
    }
}
