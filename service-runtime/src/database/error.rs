//! Why a database did not do what it was asked: the same for both engines. What is said never holds a value that was
//! bound, nor where the database is.

use std::sync::Arc;

use rusqlite::ErrorCode;

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
