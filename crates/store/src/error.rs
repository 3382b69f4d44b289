//! Why a database did not do what it was asked: the same for both engines. What is said never holds a value that was
//! bound, nor where the database is.

use std::{io, sync::Arc};

use rusqlite::ErrorCode;
use sqlx::migrate::MigrateError;

/// Why a statement, or a transaction, failed. Cheap to clone: what fails for many is told to each.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite said so.
    #[error(transparent)]
    Sqlite(Arc<rusqlite::Error>),
    /// PostgreSQL said so, or the way there did.
    #[error(transparent)]
    Postgres(Arc<sqlx::Error>),
    /// It has been closed.
    #[error("the database is closed")]
    Closed,
    /// It took too long.
    #[error("no answer in time")]
    Silent,
    /// A column of a row, counted from 0, is not there, or of another type than was asked for.
    #[error("column {0} of a row is malformed")]
    Malformed(usize),
}

/// Why the store cannot be opened: one line, without the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is of another kind, or malformed.
    #[error("expected sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")]
    Url,
    /// File or directory cannot be made.
    #[error("the database file cannot be made: {0}")]
    File(#[from] io::Error),
    /// The database cannot be opened or reached.
    #[error("the database cannot be opened: {0}")]
    Database(#[from] DatabaseError),
    /// A server did not answer.
    #[error("the database cannot be opened: no answer in time")]
    Silent,
    /// Its tables cannot be brought up to date.
    #[error("the database's tables cannot be brought up to date: {0}")]
    Migration(#[from] MigrateError),
    /// One of the changes failed. None of those that were to be made was made.
    #[error("the database's tables cannot be brought up to date: while executing migration {0}: {1}")]
    Migrating(i64, DatabaseError),
    /// A server's tables are brought up to date by an operator, not by whichever replica starts first.
    #[error("the database lacks tables of this release; run `{0} migrate` first")]
    OutOfDate(&'static str),
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the others go on as they are")]
impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(match error {
            // With the file's path.
            rusqlite::Error::SqliteFailure(error, Some(_)) if error.code == ErrorCode::CannotOpen => {
                rusqlite::Error::SqliteFailure(error, None)
            }
            // With the statement.
            rusqlite::Error::SqlInputError { error, msg, .. } => {
                rusqlite::Error::SqliteFailure(error, Some(msg))
            }
            error => error,
        }))
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the others go on as they are")]
impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::PoolTimedOut => Self::Silent,
            error => Self::Postgres(Arc::new(error)),
        }
    }
}
