//! What is SQLite's own: how its file is made, its journal, and its one writer.

use std::{
    io,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use sqlx::{
    AnyConnection, AnyPool, ConnectOptions as _, Connection as _, Executor as _, any::AnyPoolOptions,
    sqlite::SqliteConnectOptions,
};

use super::{ACQUIRE_TIMEOUT, DatabaseConfig, Engine, Migrations, OpenError, options};

const READERS: u32 = 4;

/// What every connection is told. In WAL mode anything less than FULL may lose the last conversations that guests were
/// told of when the power fails. The timeout is for transactions of other processes.
const SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON";

/// The readers and the writer.
pub(super) async fn open(
    config: &DatabaseConfig,
    migrations: Migrations,
) -> Result<(AnyPool, AnyPool), OpenError> {
    let url = prepared(config.url()).await?;
    // A pool would try again what cannot be opened. Kept until the pools are there: a database in memory ends with its
    // last connection.
    let mut first = connect(&url).await?;
    migrations.apply(&mut first, Engine::Sqlite).await?;
    let options = options(&url)?;
    // SQLite has one writer at a time. Here they wait in a queue for one connection; with several connections they
    // would poll for each other's locks, and the unlucky ones would time out.
    let writer = pool(1).connect_with(options.clone()).await?;
    let readers = pool(READERS).connect_with(options).await?;
    first.close().await?;
    Ok((readers, writer))
}

/// Brings the tables up to date, and says what was done.
pub(super) async fn migrate(
    config: &DatabaseConfig,
    migrations: Migrations,
) -> Result<Vec<String>, OpenError> {
    let mut connection = connect(&prepared(config.url()).await?).await?;
    let applied = migrations.apply(&mut connection, Engine::Sqlite).await?;
    connection.close().await?;
    Ok(applied)
}

async fn connect(url: &str) -> Result<AnyConnection, OpenError> {
    let mut connection = options(url)?.connect().await?;
    connection.execute(SETUP).await?;
    Ok(connection)
}

/// The URL to open, once its file is there.
async fn prepared(url: &str) -> Result<String, OpenError> {
    let parsed: SqliteConnectOptions = url.parse().map_err(|_| OpenError::Url)?;
    if url.contains(":memory:") {
        // A name of its own, the same for each of its connections.
        static MEMORIES: AtomicU64 = AtomicU64::new(0);
        let number = MEMORIES.fetch_add(1, Ordering::Relaxed);
        return Ok(format!("sqlite:file:memory-{number}?mode=memory&cache=shared"));
    }
    if !url.contains("mode=memory") {
        make_file(parsed.get_filename()).await?;
    }
    Ok(url.to_owned())
}

fn pool(connections: u32) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        // A database in memory ends with its last connection.
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(|connection, _| Box::pin(async { connection.execute(SETUP).await.map(drop) }))
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
    use crate::Database;

    #[tokio::test]
    async fn every_connection_keeps_what_it_was_told() {
        let dir = tempfile::tempdir().unwrap();
        let config = DatabaseConfig::new(format!("sqlite:{}", dir.path().join("db").display()));
        let store = Database::open(&config, Migrations::none()).await.unwrap();
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
