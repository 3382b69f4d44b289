//! The database of a service: how its file is made and opened. What stands in it is the service's own. Statements and
//! schemas are to be those that PostgreSQL understands too; what is SQLite's own stands here.

use std::{io, path::Path, time::Duration};

use sqlx::{
    SqlitePool,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// How long a transaction of another process is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection is waited for; a guest waits no longer for an answer.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

const READERS: u32 = 4;

/// A database. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Database {
    /// For statements that write nothing.
    pub readers: SqlitePool,
    /// For transactions that write. Each must begin with its writing statement: there it waits for its turn, while one
    /// that had read before would fail in SQLite if another wrote meanwhile.
    pub writer: SqlitePool,
}

/// Why the store cannot be opened: one line, without the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is of another kind, or malformed.
    #[error("expected sqlite:PATH")]
    Url,
    /// File or directory cannot be made.
    #[error("the database file cannot be made: {0}")]
    File(#[from] io::Error),
    /// The file cannot be opened as a database.
    #[error("the database cannot be opened: {0}")]
    Database(#[from] sqlx::Error),
    /// Its tables cannot be brought up to date.
    #[error("the database's tables cannot be brought up to date: {0}")]
    Migration(#[from] MigrateError),
}

impl Database {
    /// Opens the database, making file, directory and tables where they are missing. `url`: `sqlite:PATH`.
    pub async fn open(url: &str, migrations: &Migrator) -> Result<Self, OpenError> {
        if !url.starts_with("sqlite:") {
            return Err(OpenError::Url);
        }
        let options: SqliteConnectOptions = url.parse().map_err(|_| OpenError::Url)?;
        if !url.contains(":memory:") && !url.contains("mode=memory") {
            make_file(options.get_filename()).await?;
        }
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            // In WAL mode anything less may lose the last conversations that guests were told of when the power fails.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        // SQLite has one writer at a time. Here they wait in a queue for one connection; with several connections they
        // would poll for each other's locks, and the unlucky ones would time out.
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .test_before_acquire(false)
                // A database in memory ends with its last connection.
                .min_connections(1)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        migrations.run(&writer).await?;
        let readers = pool(READERS).connect_with(options).await?;
        Ok(Self { readers, writer })
    }

    /// Closes it, once the transactions under way have ended.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Makes the file and the directories on the way to it, where they are missing, for nobody else to read. SQLite gives the files that it lays beside it the same mode.
async fn make_file(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        tokio::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).await?;
    }
    tokio::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_connection_keeps_what_it_was_told() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("db").display());
        let store = Database::open(&url, &Migrator::DEFAULT).await.unwrap();
        for pool in [&store.readers, &store.writer] {
            let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(pool).await.unwrap();
            assert_eq!(mode, "wal");
            for (pragma, value) in
                [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1), ("PRAGMA busy_timeout", 5000)]
            {
                let set: i64 = sqlx::query_scalar(pragma).fetch_one(pool).await.unwrap();
                assert_eq!(set, value, "{pragma}");
            }
        }
        assert_eq!(store.writer.options().get_max_connections(), 1);
    }
}
