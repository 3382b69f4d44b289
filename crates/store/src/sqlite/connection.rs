//! A connection to SQLite: setup, and running a statement.

use rusqlite::{
    CachedStatement, Connection, ToSql,
    types::{ToSqlOutput, ValueRef},
};

use super::location::Location;
use crate::{
    config::Engine,
    error::DatabaseError,
    statement::{Outcome, Rows, Statement, Value},
};

/// Setup of every connection. The busy timeout covers transactions of other processes. In WAL mode, any `synchronous`
/// below FULL may lose acknowledged writes at a power failure. With `secure_delete`, deleted text is overwritten; `FAST`
/// leaves it on free pages. The page cache is bounded to 512 KiB per connection.
pub(super) const SETUP: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                     PRAGMA foreign_keys = ON; PRAGMA cache_size = -512; PRAGMA secure_delete = ON";

/// Capacity of the prepared-statement cache: more than a service has.
const PREPARED: usize = 64;

pub(super) fn connect(location: &Location) -> Result<Connection, DatabaseError> {
    let connection = location.connect()?;
    connection.execute_batch(SETUP)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    Ok(connection)
}

/// Runs one statement.
pub(super) fn outcome(connection: &Connection, statement: &Statement) -> Result<Outcome, DatabaseError> {
    let mut prepared = connection.prepare_cached(statement.sql.text(Engine::Sqlite))?;
    bind(&mut prepared, &statement.values)?;
    let columns = statement.sql.columns(|| prepared.column_names().into_iter().map(String::from).collect());
    let mut values = Vec::new();
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next()? {
        for (index, column) in columns.iter().enumerate() {
            let value = value(row.get_ref(index)?);
            values.push(value.ok_or_else(|| DatabaseError::Malformed(column.clone()))?);
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
    for (index, value) in values.iter().enumerate() {
        prepared.raw_bind_parameter(index + 1, value)?;
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
