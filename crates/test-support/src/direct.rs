//! A direct connection to SQLite or PostgreSQL, for reads and writes that the stores' interface does not offer.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, FromRow, PgConnection};

/// A direct connection.
pub enum Direct {
    /// A file of SQLite.
    Sqlite(rusqlite::Connection),
    /// A database of PostgreSQL.
    Postgres(PgConnection),
}

impl Direct {
    /// Connects to the database at this URL.
    pub async fn connect(url: &str) -> Self {
        match url.strip_prefix("sqlite:") {
            Some(path) => {
                Self::Sqlite(rusqlite::Connection::open(path.strip_prefix("//").unwrap_or(path)).unwrap())
            }
            None => Self::Postgres(PgConnection::connect(url).await.unwrap()),
        }
    }

    /// Executes statements that return no rows.
    pub async fn execute(&mut self, statements: &str) {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(statements).unwrap(),
            Self::Postgres(connection) => {
                sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(connection).await.unwrap();
            }
        }
    }

    /// Prepares a statement without running it.
    pub async fn prepare(&mut self, statement: &'static store::Sql) -> Result<(), String> {
        match self {
            Self::Sqlite(connection) => {
                let prepared = connection.prepare(statement.text(store::Engine::Sqlite));
                prepared.map(drop).map_err(|error| error.to_string())
            }
            Self::Postgres(connection) => {
                let text = sqlx::SqlStr::from_static(statement.text(store::Engine::Postgres));
                connection.prepare(text).await.map(drop).map_err(|error| error.to_string())
            }
        }
    }

    /// The single number that a query returns.
    pub async fn number(&mut self, query: &str) -> i64 {
        match self {
            Self::Sqlite(connection) => connection.query_row(query, [], |row| row.get(0)).unwrap(),
            Self::Postgres(connection) => {
                let row = sqlx::raw_sql(AssertSqlSafe(query.to_owned())).fetch_one(connection).await.unwrap();
                <(i64,)>::from_row(&row).unwrap().0
            }
        }
    }

    /// The three texts of the single row that a query returns.
    pub async fn texts(&mut self, query: &str) -> (String, String, String) {
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
