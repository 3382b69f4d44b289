//! A direct connection to a store's database on either engine, for what the store's interface does not offer.

#![allow(dead_code, reason = "not every test binary uses all of it")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use sqlx::{AssertSqlSafe, Connection as _, FromRow, PgConnection};

/// The connection.
pub(crate) enum Direct {
    Sqlite(rusqlite::Connection),
    Postgres(PgConnection),
}

impl Direct {
    /// Connects to the database of this URL.
    pub(crate) async fn connect(url: &str) -> Self {
        match url.strip_prefix("sqlite:") {
            Some(path) => {
                Self::Sqlite(rusqlite::Connection::open(path.strip_prefix("//").unwrap_or(path)).unwrap())
            }
            None => Self::Postgres(PgConnection::connect(url).await.unwrap()),
        }
    }

    /// Runs statements without a result.
    pub(crate) async fn execute(&mut self, statements: &str) {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(statements).unwrap(),
            Self::Postgres(connection) => {
                sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(connection).await.unwrap();
            }
        }
    }

    /// The number that a query returns.
    pub(crate) async fn number(&mut self, query: &str) -> i64 {
        match self {
            Self::Sqlite(connection) => connection.query_row(query, [], |row| row.get(0)).unwrap(),
            Self::Postgres(connection) => {
                let row = sqlx::raw_sql(AssertSqlSafe(query.to_owned())).fetch_one(connection).await.unwrap();
                <(i64,)>::from_row(&row).unwrap().0
            }
        }
    }

    /// The three texts of the one row that a query returns.
    pub(crate) async fn texts(&mut self, query: &str) -> (String, String, String) {
        match self {
            Self::Sqlite(connection) => {
                connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
            }
            Self::Postgres(connection) => {
                let row = sqlx::raw_sql(AssertSqlSafe(query.to_owned())).fetch_one(connection).await.unwrap();
                FromRow::from_row(&row).unwrap()
            }
        }
    }
}
