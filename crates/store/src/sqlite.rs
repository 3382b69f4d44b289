//! SQLite: opening the file, readers on the calling thread, and one writer thread.

mod connection;
mod location;
mod migrations;
mod open_files;
mod readers;
mod reply_router;
mod writer;

use std::sync::Arc;

use tokio::task::spawn_blocking;

use self::{
    connection::{connect, outcome},
    location::Location,
    open_files::OpenFiles,
    readers::Readers,
    writer::Writer,
};
use crate::{
    config::DatabaseConfig,
    error::{DatabaseError, OpenError},
    migrations::Migrations,
    statement::{Outcome, Rows, Statement},
};

/// A database. Cheap to clone; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Sqlite {
    readers: Arc<Readers>,
    writer: Writer,
}

impl Sqlite {
    /// Opens the database and migrates it.
    pub(crate) async fn open(config: &DatabaseConfig, migrations: Migrations) -> Result<Self, OpenError> {
        let location = Location::parse(config.url())?;
        blocking(move || {
            location.create()?;
            let mut connection = connect(&location)?;
            migrations::apply(&mut connection, migrations)?;
            let files = OpenFiles::of(&location)?;
            Ok(Self {
                writer: Writer::start(connection, files.clone())?,
                readers: Arc::new(Readers::new(location, files)),
            })
        })
        .await
    }

    /// Runs a read-only statement on the calling thread.
    pub(crate) fn read(&self, statement: &Statement) -> Result<Rows, DatabaseError> {
        self.readers.with(|connection| Ok(outcome(connection, statement)?.rows))
    }

    /// Runs statements in one transaction; other callers' statements may share its commit.
    pub(crate) async fn write(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
        self.writer.write(statements).await
    }

    /// Copies the write-ahead log into the database file and truncates it. `false` if another connection still reads it.
    pub(crate) async fn checkpoint(&self) -> Result<bool, DatabaseError> {
        self.writer.checkpoint().await
    }

    /// Returns when the writer has finished. Closing the last connection checkpoints the WAL into the file.
    pub(crate) async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}

/// Applies missing migrations; returns their names.
pub(crate) async fn migrate(
    config: &DatabaseConfig,
    migrations: Migrations,
) -> Result<Vec<String>, OpenError> {
    let location = Location::parse(config.url())?;
    blocking(move || {
        location.create()?;
        migrations::apply(&mut connect(&location)?, migrations)
    })
    .await
}

/// Opens and migrates a file on a blocking thread.
async fn blocking<T: Send + 'static>(
    open: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    // Cancelled only if the runtime ends.
    spawn_blocking(open).await.unwrap_or(Err(OpenError::Timeout))
}

#[cfg(test)]
mod tests;
