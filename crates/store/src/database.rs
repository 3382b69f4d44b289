//! A service's database, whichever engine stores it: one call that reads and one that writes.

use std::time::Duration;

use sqlx::PgPool;

use crate::{
    config::{DatabaseConfig, Engine},
    error::{DatabaseError, OpenError},
    limits::{DEADLINE, PING_DEADLINE, within},
    migrations::Migrations,
    postgres,
    sqlite::Sqlite,
    statement::{Outcome, Rows, Statement},
};

/// A database. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Database(pub(crate) Inner);

#[derive(Clone, Debug)]
pub(crate) enum Inner {
    Sqlite(Sqlite),
    Postgres(PgPool, DatabaseConfig),
}

impl Database {
    /// Opens the database. In SQLite file, directory and tables are made where they are missing; in PostgreSQL the
    /// tables must be up to date.
    pub async fn open(config: &DatabaseConfig, migrations: Migrations) -> Result<Self, OpenError> {
        Ok(Self(match config.engine()? {
            Engine::Sqlite => Inner::Sqlite(Sqlite::open(config, migrations).await?),
            Engine::Postgres => Inner::Postgres(postgres::open(config, migrations).await?, config.clone()),
        }))
    }

    /// The pool, if PostgreSQL keeps it: for what a round trip there makes worth its while.
    pub fn postgres(&self) -> Option<&PgPool> {
        if let Inner::Postgres(pool, _) = &self.0 { Some(pool) } else { None }
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
            Inner::Sqlite(sqlite) => sqlite.read(&statement),
            // On the heap: what a request moves about must not have room for a server's protocol.
            Inner::Postgres(pool, _) => within(deadline, Box::pin(postgres::read(pool, statement))).await,
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
            Inner::Sqlite(sqlite) => within(DEADLINE, sqlite.write(statements)).await,
            Inner::Postgres(pool, _) => within(DEADLINE, Box::pin(postgres::write(pool, statements))).await,
        }
    }

    /// Closes it, for all clones, once the transactions under way have ended.
    pub async fn close(&self) {
        match &self.0 {
            Inner::Sqlite(sqlite) => sqlite.close().await,
            Inner::Postgres(pool, _) => pool.close().await,
        }
    }
}
