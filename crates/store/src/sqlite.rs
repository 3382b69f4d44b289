//! What is SQLite's own: how its file is made, what its connections are told, and its one writer. It is a library in
//! this process, and called as one: by whoever reads on his own thread, and by the writer on the writer's.

mod connection;
mod migrations;
mod place;
mod readers;
mod reply_router;
mod writer;

use std::sync::Arc;

use tokio::task::spawn_blocking;

use self::{
    connection::{connect, outcome},
    place::Place,
    readers::Readers,
    writer::Writer,
};
use crate::{
    config::DatabaseConfig,
    error::{DatabaseError, OpenError},
    migrations::Migrations,
    statement::{Outcome, Rows, Statement},
};

/// A database. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Sqlite {
    readers: Arc<Readers>,
    writer: Writer,
}

impl Sqlite {
    /// Opens it and brings its tables up to date.
    pub(crate) async fn open(config: &DatabaseConfig, migrations: Migrations) -> Result<Self, OpenError> {
        let place = Place::parse(config.url())?;
        blocking(move || {
            place.make()?;
            let mut connection = connect(&place)?;
            migrations::apply(&mut connection, migrations)?;
            Ok(Self { writer: Writer::start(connection)?, readers: Arc::new(Readers::new(place)) })
        })
        .await
    }

    /// The rows of a statement that writes nothing, at once and on this thread.
    pub(crate) fn read(&self, statement: &Statement) -> Result<Rows, DatabaseError> {
        self.readers.with(|connection| Ok(outcome(connection, statement)?.rows))
    }

    /// Runs statements in one transaction, which others may share.
    pub(crate) async fn write(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
        self.writer.write(statements).await
    }

    /// Returns when the writer has ended after what it was at. With the last connection the journal goes into the file.
    pub(crate) async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}

/// Brings the tables up to date, and says what was done.
pub(crate) async fn migrate(
    config: &DatabaseConfig,
    migrations: Migrations,
) -> Result<Vec<String>, OpenError> {
    let place = Place::parse(config.url())?;
    blocking(move || {
        place.make()?;
        migrations::apply(&mut connect(&place)?, migrations)
    })
    .await
}

/// A file is opened and migrated beside the runtime's threads.
async fn blocking<T: Send + 'static>(
    open: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    // It ends without an answer only if the runtime does.
    spawn_blocking(open).await.unwrap_or(Err(OpenError::Silent))
}

#[cfg(test)]
mod tests;
