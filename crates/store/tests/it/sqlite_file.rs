//! A SQLite file that is removed, replaced or locked while it is open.

use std::{
    fs,
    path::{Path, PathBuf},
};

use store::{Database, DatabaseError};
use tempfile::TempDir;

use crate::{PROBE, count, insert, open};

async fn database() -> (Database, PathBuf, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("db");
    let url = format!("sqlite:{}", file.display());
    (open(&url, &url).await, file, folder)
}

async fn is_replaced(database: &Database) {
    let written = insert(database).await;
    assert!(matches!(written, Err(DatabaseError::FileReplaced)), "{written:?}");
    let probed = database.probe(PROBE.with([])).await;
    assert!(matches!(probed, Err(DatabaseError::FileReplaced)), "{probed:?}");
}

#[tokio::test]
async fn nothing_is_written_to_a_removed_or_replaced_file() {
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    let replace = |path: &Path| {
        let other = path.with_file_name("other");
        fs::copy(path, &other).unwrap();
        fs::rename(other, path).unwrap();
    };
    let rename_folder = |path: &Path| {
        let folder = path.parent().unwrap();
        fs::rename(folder, folder.with_extension("moved")).unwrap();
    };
    let log = |path: &Path| path.with_file_name("db-wal");
    for (n, damage) in [&remove as &dyn Fn(&Path), &replace, &rename_folder].into_iter().enumerate() {
        let (database, file, _folder) = database().await;
        insert(&database).await.unwrap();
        database.probe(PROBE.with([])).await.unwrap();
        damage(&file);
        is_replaced(&database).await;
        fs::remove_dir_all(file.parent().unwrap().with_extension("moved")).ok();
        assert!(n < 3);
    }
    let (database, file, _folder) = database().await;
    insert(&database).await.unwrap();
    remove(&log(&file));
    is_replaced(&database).await;
}

/// A read on a new connection would see another database than the writes.
#[tokio::test]
async fn a_replaced_file_is_not_read() {
    use crate::COUNT;
    let (database, file, folder) = database().await;
    let url = format!("sqlite:{}", folder.path().join("other").display());
    open(&url, &url).await.close().await;
    fs::rename(folder.path().join("other"), &file).unwrap();
    let read = database.read(COUNT.with([])).await;
    assert!(read.is_err(), "{read:?}");
}

#[tokio::test]
async fn a_database_locked_by_another_writer_is_not_writable() {
    let (database, file, _folder) = database().await;
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(database.probe(PROBE.with([])).await.is_err());
    assert_eq!(count(&database).await, 0, "reads go on");
    other.execute_batch("COMMIT").unwrap();
    database.probe(PROBE.with([])).await.unwrap();
    insert(&database).await.unwrap();
}
