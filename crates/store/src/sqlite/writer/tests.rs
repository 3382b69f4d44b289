use std::{path::PathBuf, pin::pin, task::Poll};

use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::{Sql, Value};

static INSERT: Sql = Sql::new("INSERT INTO t (a, later) VALUES ($1, $2)");
static FILL: Sql = Sql::new("INSERT INTO t (a) VALUES ($1 || hex(zeroblob(100000)))");

/// A writer, and another process's connection to the same file.
struct Written {
    writer: Writer,
    other: Connection,
    file: PathBuf,
    _folder: TempDir,
}

impl Written {
    fn new(setup: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("db");
        let connect = || {
            let connection = Connection::open(&file).unwrap();
            connection.execute_batch(super::super::connection::SETUP).unwrap();
            connection
        };
        let (connection, other) = (connect(), connect());
        let tables = "CREATE TABLE later (id BIGINT PRIMARY KEY); CREATE TABLE t (a TEXT NOT NULL UNIQUE, \
                      later BIGINT REFERENCES later (id) DEFERRABLE INITIALLY DEFERRED)";
        connection.execute_batch(tables).unwrap();
        connection.execute_batch(setup).unwrap();
        Self {
            writer: Writer::start(connection, OpenFiles::default()).unwrap(),
            other,
            file,
            _folder: folder,
        }
    }

    /// Sends requests while another process holds the write lock; returns the answers, in order.
    async fn answers_to(&self, requests: Vec<Vec<Statement>>) -> Vec<Answer> {
        self.other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let mut calls = JoinSet::new();
        for (n, statements) in requests.into_iter().enumerate() {
            let writer = self.writer.clone();
            calls.spawn(async move { (n, writer.write(statements).await) });
            // Single-threaded: the request has been sent when this returns.
            tokio::task::yield_now().await;
        }
        self.other.execute_batch("COMMIT").unwrap();
        let mut answers = calls.join_all().await;
        answers.sort_by_key(|(n, _)| *n);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    fn rows(&self) -> Vec<String> {
        let mut rows = self.other.prepare("SELECT substr(a, 1, 10) FROM t ORDER BY a").unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Number of WAL frames that end a commit: those with the size of the database.
    fn commits(&self) -> usize {
        let journal = std::fs::read(self.file.with_file_name("db-wal")).unwrap();
        let page = usize::try_from(u32::from_be_bytes(journal[8..12].try_into().unwrap())).unwrap();
        journal[32..].chunks(24 + page).filter(|frame| frame[4..8] != [0; 4]).count()
    }
}

fn insert(name: &str) -> Statement {
    INSERT.with([name.into(), Value::Null])
}

/// Violates a foreign key at the commit.
fn dangling(name: &str) -> Statement {
    INSERT.with([name.into(), 1.into()])
}

fn error_text(answer: Answer) -> String {
    answer.unwrap_err().to_string()
}

#[tokio::test]
async fn concurrent_writes_share_one_commit_up_to_the_batch_size() {
    let written = Written::new("");
    let before = written.commits();
    let requests = (0..2 * MAX_BATCH_SIZE + 1).map(|n| vec![insert(&n.to_string())]).collect();
    let answers = written.answers_to(requests).await;
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap()[0].affected == 1));
    assert_eq!(written.commits() - before, 3);
    assert_eq!(written.rows().len(), 2 * MAX_BATCH_SIZE + 1);
}

#[tokio::test]
async fn a_failure_affects_its_own_request_only() {
    let written = Written::new("");
    let before = written.commits();
    let requests = [
        vec![insert("a")],
        vec![insert("a")],
        vec![insert("b"), insert("c")],
        vec![insert("d"), insert("e"), insert("a")],
        vec![insert("d")],
    ];
    let answers = written.answers_to(requests.into()).await;
    let failed: Vec<_> = answers.iter().map(Result::is_err).collect();
    assert_eq!(failed, [false, true, false, true, false]);
    assert_eq!(written.rows(), ["a", "b", "c", "d"]);
    assert_eq!(written.commits() - before, 1);
}

#[tokio::test]
async fn a_statement_is_skipped_if_the_previous_one_had_rows() {
    static IGNORE: Sql = Sql::new("INSERT INTO t (a) VALUES ($1) ON CONFLICT DO NOTHING");
    static LOOK: Sql = Sql::new("SELECT a FROM t WHERE a = $1");
    let written = Written::new("");
    for looked in [0, 1] {
        let requests = vec![IGNORE.with(["a".into()]), LOOK.with(["a".into()]).if_no_rows()];
        let outcomes = written.writer.write(requests).await.unwrap();
        let seen: Vec<_> =
            outcomes.iter().map(|outcome| (outcome.affected, outcome.rows.iter().len())).collect();
        assert_eq!(seen, [(1 - looked, 0), (0, looked as usize)]);
    }
}

#[tokio::test]
async fn a_failed_commit_fails_the_whole_batch() {
    let written = Written::new("");
    let answers = written.answers_to(vec![vec![insert("a")], vec![dangling("b")], vec![insert("c")]]).await;
    for answer in answers {
        assert_eq!(error_text(answer), "FOREIGN KEY constraint failed");
    }
    assert!(written.rows().is_empty());
    assert_eq!(written.writer.write(vec![insert("d")]).await.unwrap().len(), 1);
    assert_eq!(written.rows(), ["d"]);
}

/// SQLite rolls back the whole transaction.
#[tokio::test]
async fn a_full_disk_fails_the_whole_batch() {
    let written = Written::new("PRAGMA max_page_count = 40");
    let requests = vec![vec![insert("a")], vec![insert("b"), FILL.with(["c".into()])], vec![insert("d")]];
    for answer in written.answers_to(requests).await {
        assert_eq!(error_text(answer), "database or disk is full");
    }
    assert!(written.rows().is_empty());
    assert_eq!(written.writer.write(vec![insert("e")]).await.unwrap().len(), 1);
    assert_eq!(written.rows(), ["e"]);
}

#[tokio::test]
async fn a_lock_timeout_fails_the_batch_and_later_writes_succeed() {
    let written = Written::new("PRAGMA busy_timeout = 1");
    written.other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(error_text(written.writer.write(vec![insert("a")]).await), "database is locked");
    written.other.execute_batch("COMMIT").unwrap();
    written.writer.write(vec![insert("b")]).await.unwrap();
    assert_eq!(written.rows(), ["b"]);
}

#[tokio::test]
async fn a_cancelled_write_is_dropped_before_its_batch() {
    let written = Written::new("");
    written.other.execute_batch("BEGIN IMMEDIATE").unwrap();
    {
        let mut gone = pin!(written.writer.write(vec![insert("gone")]));
        let asked = std::future::poll_fn(|context| Poll::Ready(gone.as_mut().poll(context)));
        assert!(asked.await.is_pending());
    }
    written.other.execute_batch("COMMIT").unwrap();
    written.writer.write(vec![insert("stays")]).await.unwrap();
    assert_eq!(written.rows(), ["stays"]);
}

#[tokio::test]
async fn writes_before_close_are_done_and_later_ones_rejected() {
    let written = Written::new("");
    written.other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut before = pin!(written.writer.write(vec![insert("before")]));
    let mut closed = pin!(written.writer.close());
    let mut after = pin!(written.writer.write(vec![insert("after")]));
    let asked = std::future::poll_fn(|context| {
        let is_before = before.as_mut().poll(context).is_pending();
        let is_closing = closed.as_mut().poll(context).is_pending();
        Poll::Ready([is_before, is_closing, after.as_mut().poll(context).is_pending()])
    });
    assert_eq!(asked.await, [true; 3]);
    written.other.execute_batch("COMMIT").unwrap();
    closed.await;
    assert_eq!(before.await.unwrap().len(), 1);
    assert!(matches!(after.await, Err(DatabaseError::Closed)));
    assert!(matches!(written.writer.write(vec![insert("late")]).await, Err(DatabaseError::Closed)));
    written.writer.close().await;
    assert_eq!(written.rows(), ["before"]);
}

/// Its connection is the last, so the WAL is removed.
#[test]
fn the_writer_ends_with_the_last_clone() {
    let Written { writer, other, file, _folder } = Written::new("");
    drop(other);
    drop(writer);
    let journal = file.with_file_name("db-wal");
    while journal.exists() {
        std::thread::yield_now();
    }
}

fn on_a_runtime<T>(call: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(call)
}

#[test]
fn a_thread_is_answered_on_each_of_its_runtimes() {
    let written = Written::new("");
    for name in ["first", "second"] {
        on_a_runtime(written.writer.write(vec![insert(name)])).unwrap();
    }
    assert_eq!(written.rows(), ["first", "second"]);
}

#[test]
fn a_runtime_that_ends_does_not_block_other_runtimes() {
    let written = Written::new("");
    written.other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The request is sent by the first poll; the runtime ends before its reply.
    on_a_runtime(async {
        let mut asking = Box::pin(written.writer.write(vec![insert("gone")]));
        assert!(
            std::future::poll_fn(|context| Poll::Ready(asking.as_mut().poll(context))).await.is_pending()
        );
        std::mem::forget(asking);
    });
    let writer = written.writer.clone();
    let stays = std::thread::spawn(move || on_a_runtime(writer.write(vec![insert("stays")])));
    written.other.execute_batch("COMMIT").unwrap();
    stays.join().unwrap().unwrap();
    assert_eq!(written.rows(), ["gone", "stays"]);
}
