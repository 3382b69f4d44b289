use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::{Database, Sql, Value};

fn folder_and_url() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("db").display());
    (folder, url)
}

async fn open(url: &str) -> Database {
    Database::open(&DatabaseConfig::new(url), Migrations::none()).await.unwrap()
}

#[tokio::test]
async fn every_connection_has_the_setup() {
    static MODE: Sql = Sql::new("PRAGMA journal_mode");
    static NUMBERS: [(Sql, &str, i64); 4] = [
        (Sql::new("PRAGMA synchronous"), "synchronous", 2),
        (Sql::new("PRAGMA foreign_keys"), "foreign_keys", 1),
        (Sql::new("PRAGMA busy_timeout"), "timeout", 5000),
        (Sql::new("PRAGMA cache_size"), "cache_size", -512),
    ];
    let (_folder, url) = folder_and_url();
    let database = open(&url).await;
    for on_writer in [false, true] {
        let run = async |sql: &'static Sql| match on_writer {
            false => database.read(sql.with([])).await.unwrap(),
            true => database
                .write([sql.with([])])
                .await
                .unwrap()
                .map(|outcome| outcome.rows)
                .into_iter()
                .next()
                .unwrap(),
        };
        assert_eq!(run(&MODE).await.first().unwrap().get::<&str>("journal_mode").unwrap(), "wal");
        for (pragma, column, value) in &NUMBERS {
            assert_eq!(run(pragma).await.first().unwrap().get::<i64>(column).unwrap(), *value, "{pragma:?}");
        }
    }
}

#[tokio::test]
async fn values_round_trip() {
    static TABLE: Sql = Sql::new("CREATE TABLE t (a TEXT, b BIGINT, c TEXT)");
    static INSERT: Sql = Sql::new("INSERT INTO t (c, b, a) VALUES ($3, $2, $1)");
    static SELECT: Sql = Sql::new("SELECT a, b, c FROM t WHERE b > $1 ORDER BY b");
    static REAL: Sql = Sql::new("SELECT 1.5 AS real");
    let database = open("sqlite::memory:").await;
    database.write([TABLE.with([])]).await.unwrap();
    for (text, number) in [("", i64::MIN), ("'\0😀$1?", i64::MAX)] {
        let [inserted] =
            database.write([INSERT.with([text.into(), number.into(), Value::Null])]).await.unwrap();
        assert_eq!((inserted.affected, inserted.rows.is_empty()), (1, true));
    }
    let rows = database.read(SELECT.with([0.into()])).await.unwrap();
    let row = rows.first().unwrap();
    assert_eq!(row.get::<&str>("a").unwrap(), "'\0😀$1?");
    assert_eq!(row.get::<i64>("b").unwrap(), i64::MAX);
    assert_eq!(row.get::<Option<&str>>("c").unwrap(), None);
    assert_eq!(rows.iter().len(), 1);
    let too_few = database.read(SELECT.with([])).await.unwrap_err();
    assert!(too_few.to_string().starts_with("Wrong number of parameters"), "{too_few}");
    let real = database.read(REAL.with([])).await;
    assert!(matches!(real, Err(DatabaseError::Malformed(column)) if column == "real"));
}

#[tokio::test]
async fn reads_cannot_write() {
    static TABLE: Sql = Sql::new("CREATE TABLE t (a TEXT)");
    let database = open("sqlite::memory:").await;
    let error = database.read(TABLE.with([])).await.unwrap_err();
    assert_eq!(error.to_string(), "attempt to write a readonly database");
}

/// While another process's transaction is open, and without its changes.
#[tokio::test]
async fn reads_are_never_blocked() {
    static TABLE: Sql = Sql::new("CREATE TABLE t (a BIGINT)");
    static COUNT: Sql = Sql::new("SELECT COUNT(*) AS count FROM t");
    let (folder, url) = folder_and_url();
    let database = open(&url).await;
    database.write([TABLE.with([])]).await.unwrap();
    let other = Connection::open(folder.path().join("db")).unwrap();
    for (statements, count) in [("BEGIN EXCLUSIVE; INSERT INTO t VALUES (1)", 0), ("COMMIT", 1)] {
        other.execute_batch(statements).unwrap();
        let rows = database.read(COUNT.with([])).await.unwrap();
        assert_eq!(rows.first().unwrap().get::<i64>("count").unwrap(), count);
    }
}

#[tokio::test]
async fn errors_contain_neither_location_nor_values() {
    static TABLE: Sql = Sql::new("CREATE TABLE t (a TEXT UNIQUE)");
    static INSERT: Sql = Sql::new("INSERT INTO t VALUES ($1)");
    static MISSING: Sql = Sql::new("SELECT missing FROM t WHERE a = 'secret'");
    let (folder, url) = folder_and_url();
    let database = open(&url).await;
    database.write([TABLE.with([])]).await.unwrap();
    let insert = || INSERT.with(["secret".into()]);
    let twice = database.write([insert(), insert()]).await.unwrap_err();
    assert_eq!(twice.to_string(), "UNIQUE constraint failed: t.a");
    let missing = database.read(MISSING.with([])).await.unwrap_err();
    assert_eq!(missing.to_string(), "no such column: missing");
    let url = format!("sqlite:{}", folder.path().display());
    let nowhere = Sqlite::open(&DatabaseConfig::new(url), Migrations::none()).await.unwrap_err();
    let path = folder.path().to_str().unwrap();
    for error in [format!("{twice:?}"), format!("{missing:?}"), format!("{nowhere:?} {nowhere}")] {
        assert!(!error.contains("secret") && !error.contains(path), "{error}");
    }
    let unopened = DatabaseError::from(Connection::open(folder.path()).unwrap_err());
    assert!(!format!("{unopened:?} {unopened}").contains(path), "{unopened:?}");
}

/// All writes are in the file itself, and further calls fail.
#[tokio::test]
async fn close_checkpoints_the_wal() {
    static TABLE: Sql = Sql::new("CREATE TABLE t (a BIGINT)");
    static COUNT: Sql = Sql::new("SELECT COUNT(*) AS count FROM t");
    let (folder, url) = folder_and_url();
    let database = open(&url).await;
    database.write([TABLE.with([])]).await.unwrap();
    database.read(COUNT.with([])).await.unwrap();
    let journal = folder.path().join("db-wal");
    assert!(journal.exists());
    let other = database.clone();
    tokio::join!(database.close(), other.close());
    assert!(!journal.exists());
    assert!(matches!(other.read(COUNT.with([])).await, Err(DatabaseError::Closed)));
    assert!(matches!(other.write([COUNT.with([])]).await, Err(DatabaseError::Closed)));
    assert_eq!(count(&folder.path().join("db")), 0);
}

fn count(file: &Path) -> i64 {
    let connection = Connection::open(file).unwrap();
    connection.query_row("SELECT COUNT(*) FROM t", [], |row| row.get(0)).unwrap()
}
