//! The integration tests of the databases: faults of the network, the server and the file, while the database is open.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod black_hole;
mod broken;
mod keep_alive;
mod read_only;
mod sqlite_file;

use std::time::Duration;

use sqlx::{
    SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};
use store::{Database, DatabaseConfig, Migrations, Sql};

/// Far longer than any wait here takes.
const SOON: Duration = Duration::from_secs(30);

/// What a guest waits for at most, and far less than a call waits for a silent connection without a ping.
const GUESTS_PATIENCE: Duration = Duration::from_millis(2500);

static COUNT: Sql = Sql::new("SELECT COUNT(*) AS count FROM notes");
static INSERT: Sql = Sql::new("INSERT INTO notes (text) VALUES ($1)");
static PROBE: Sql = Sql::new("UPDATE notes SET text = text WHERE FALSE");

const MIGRATIONS: Migrations = Migrations::new("store-test", || {
    let table = "CREATE TABLE notes (text TEXT NOT NULL)".into_sql_str();
    Migrator::with_migrations(vec![Migration::new(1, "notes".into(), MigrationType::Simple, table, false)])
});

/// A database with the table `notes`, over `url`, which is migrated over `direct`.
async fn open(url: &str, direct: &str) -> Database {
    if direct.starts_with("postgres") {
        DatabaseConfig::new(direct).migrate(MIGRATIONS).await.unwrap();
    }
    Database::open(&DatabaseConfig::new(url), MIGRATIONS).await.unwrap()
}

async fn count(database: &Database) -> i64 {
    database.read(COUNT.with([])).await.unwrap().first().unwrap().get("count").unwrap()
}

async fn insert(database: &Database) -> Result<(), store::DatabaseError> {
    database.write([INSERT.with(["text".into()])]).await.map(drop)
}
