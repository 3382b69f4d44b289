//! Removes what erased rows left in the database's files.

use service_runtime::api_error::error_chain;
use store::Database;
use tokio::sync::mpsc::{self, Sender};

/// The tables with texts of guests.
const TABLES: &[&str] = &["messages", "conversations"];

/// Scrubs the database after erasures. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Scrubber {
    /// PostgreSQL only: vacuuming takes long, so a task does it. Erasures meanwhile share the next run.
    task: Option<Sender<()>>,
}

impl Scrubber {
    pub(crate) fn new(database: &Database) -> Self {
        let task = database.postgres().map(|_| {
            let (task, mut due) = mpsc::channel(1);
            let database = database.clone();
            tokio::spawn(async move {
                while due.recv().await.is_some() {
                    scrub(&database).await;
                }
            });
            task
        });
        Self { task }
    }

    /// Scrubs the database: SQLite at once, PostgreSQL soon.
    pub(crate) async fn run(&self, database: &Database) {
        match &self.task {
            // An error if a run is already due.
            Some(task) => drop(task.try_send(())),
            None => {
                scrub(database).await;
            }
        }
    }

    /// Scrubs the database at once; whether nothing is left in its files.
    pub(crate) async fn run_now(database: &Database) -> bool {
        scrub(database).await
    }
}

async fn scrub(database: &Database) -> bool {
    match database.scrub(TABLES).await {
        Ok(true) => return true,
        Ok(false) => {
            tracing::warn!("erased texts are still in the write-ahead log: another process reads from it")
        }
        Err(error) => tracing::warn!(cause = error_chain(&error), "erased texts could not be scrubbed"),
    }
    false
}
