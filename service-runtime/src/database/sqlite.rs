//! What is SQLite's own: how its file is made, what its connections are told, and its one writer. It is a library in
//! this process, and called as one: by whoever reads on his own thread, and by the writer on the writer's.

mod migrations;
mod place;
mod readers;
mod reply_router;
mod writer;

use std::sync::Arc;

use rusqlite::{
    CachedStatement, Connection, ToSql,
    types::{ToSqlOutput, ValueRef},
};
use tokio::task::spawn_blocking;

use self::{place::Place, readers::Readers, writer::Writer};
use super::{DatabaseConfig, DatabaseError, Engine, Migrations, OpenError, Outcome, Rows, Statement, Value};

/// What every connection is told. The timeout is for transactions of other processes. In WAL mode anything less than
/// FULL may lose the last conversations that guests were told of when the power fails. The pages that a connection keeps
/// are bounded to 512 KiB.
const SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON; PRAGMA cache_size = -512";

/// How many statements a connection keeps prepared: more than a service has.
const PREPARED: usize = 64;

/// A database. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(super) struct Sqlite {
    readers: Arc<Readers>,
    writer: Writer,
}

impl Sqlite {
    /// Opens it and brings its tables up to date.
    pub(super) async fn open(config: &DatabaseConfig, migrations: Migrations) -> Result<Self, OpenError> {
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
    pub(super) fn read(&self, statement: &Statement) -> Result<Rows, DatabaseError> {
        self.readers.with(|connection| Ok(outcome(connection, statement)?.rows))
    }

    /// Runs statements in one transaction, which others may share.
    pub(super) async fn write(&self, statements: Vec<Statement>) -> Result<Vec<Outcome>, DatabaseError> {
        self.writer.write(statements).await
    }

    /// Returns when the writer has ended after what it was at. With the last connection the journal goes into the file.
    pub(super) async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}

/// Brings the tables up to date, and says what was done.
pub(super) async fn migrate(
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

fn connect(place: &Place) -> Result<Connection, DatabaseError> {
    let connection = place.connect()?;
    connection.execute_batch(SETUP)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    Ok(connection)
}

/// Runs one statement.
fn outcome(connection: &Connection, statement: &Statement) -> Result<Outcome, DatabaseError> {
    let mut prepared = connection.prepare_cached(statement.sql.of(Engine::Sqlite))?;
    bind(&mut prepared, &statement.values)?;
    let columns = prepared.column_count();
    let mut values = Vec::new();
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            values.push(value(row.get_ref(column)?).ok_or(DatabaseError::Malformed(column))?);
        }
    }
    drop(rows);
    let affected = if prepared.readonly() { 0 } else { connection.changes() };
    Ok(Outcome { rows: Rows::new(columns, values), affected })
}

fn bind(prepared: &mut CachedStatement<'_>, values: &[Value]) -> Result<(), DatabaseError> {
    if prepared.parameter_count() != values.len() {
        return Err(rusqlite::Error::InvalidParameterCount(values.len(), prepared.parameter_count()).into());
    }
    for (place, value) in values.iter().enumerate() {
        prepared.raw_bind_parameter(place + 1, value)?;
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Integer(integer) => ValueRef::Integer(*integer),
            Self::Null => ValueRef::Null,
        }))
    }
}

fn value(value: ValueRef<'_>) -> Option<Value> {
    match value {
        ValueRef::Null => Some(Value::Null),
        ValueRef::Integer(integer) => Some(Value::Integer(integer)),
        ValueRef::Text(text) => Some(Value::Text(str::from_utf8(text).ok()?.to_owned())),
        ValueRef::Real(_) | ValueRef::Blob(_) => None,
    }
}

#[cfg(test)]
mod tests;
