//! Database errors, the same for both engines. They contain neither bound values nor the database's location.

use std::{io, sync::Arc};

use rusqlite::ErrorCode;
use sqlx::migrate::MigrateError;

/// Why a statement or transaction failed. Cheap to clone: a failed batch returns it to every caller.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DatabaseError {
    /// SQLite's error.
    #[error(transparent)]
    Sqlite(Arc<rusqlite::Error>),
    /// PostgreSQL's error, or the connection's.
    #[error(transparent)]
    Postgres(Arc<sqlx::Error>),
    /// The database has been closed.
    #[error("the database is closed")]
    Closed,
    /// The deadline has passed.
    #[error("timed out")]
    Timeout,
    /// SQLite's file is no longer the one at its path: what is written there is lost with the process.
    #[error("the database file was removed or replaced while it is in use; restart the service")]
    FileReplaced,
    /// A column is missing or of another type than requested.
    #[error("column {0} of a row is malformed")]
    Malformed(String),
}

/// What an error says about the connection to PostgreSQL that it occurred on. Such a connection is not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionFault {
    /// It only allows reads, so the transaction was rolled back.
    ReadOnly,
    /// It is closed; whether the statement was executed is unknown.
    Broken,
    /// No response within the deadline; whether the statement was executed is unknown.
    Silent,
}

impl ConnectionFault {
    /// The cause, for the log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "a connection is read-only",
            Self::Broken => "a connection broke",
            Self::Silent => "a connection is silent",
        }
    }
}

impl DatabaseError {
    /// The fault of the connection, if the error is of the connection and not of the statement.
    pub(crate) fn connection_fault(&self) -> Option<ConnectionFault> {
        match self {
            Self::Timeout => Some(ConnectionFault::Silent),
            Self::Postgres(error) => postgres_fault(error),
            Self::Sqlite(_) | Self::Closed | Self::FileReplaced | Self::Malformed(_) => None,
        }
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "other errors are the statement's own")]
fn postgres_fault(error: &sqlx::Error) -> Option<ConnectionFault> {
    match error {
        sqlx::Error::Database(error) => match error.code().as_deref() {
            // read_only_sql_transaction
            Some("25006") => Some(ConnectionFault::ReadOnly),
            // connection_exception; idle_in_transaction_session_timeout; admin_shutdown, crash_shutdown,
            // cannot_connect_now, database_dropped, idle_session_timeout
            Some(code) if code.starts_with("08") || code == "25P03" || code.starts_with("57P") => {
                Some(ConnectionFault::Broken)
            }
            Some(_) | None => None,
        },
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            Some(ConnectionFault::Broken)
        }
        _ => None,
    }
}

/// Why the database cannot be opened. One line, without the URL, which may contain a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Unknown scheme, or malformed URL.
    #[error("expected sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE")]
    Url,
    /// File or directory cannot be created.
    #[error("cannot create the database file: {0}")]
    File(#[from] io::Error),
    /// The database cannot be opened or reached.
    #[error("cannot open the database: {0}")]
    Database(#[from] DatabaseError),
    /// The server did not respond within the deadline.
    #[error("cannot open the database: timed out")]
    Timeout,
    /// The migrations are inconsistent with the database.
    #[error("cannot migrate the database: {0}")]
    Migration(#[from] MigrateError),
    /// A migration failed; all of this run were rolled back.
    #[error("migration failed: {0}: {1}")]
    Migrating(i64, DatabaseError),
    /// Tables of a server are migrated by an operator, not by whichever replica starts first.
    #[error("the database schema is older than this release; run `{0} migrate` first")]
    OutOfDate(&'static str),
}

#[allow(clippy::wildcard_enum_match_arm, reason = "other errors are kept unchanged")]
impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(match error {
            // Without the message, which contains the file's path.
            rusqlite::Error::SqliteFailure(error, Some(_)) if error.code == ErrorCode::CannotOpen => {
                rusqlite::Error::SqliteFailure(error, None)
            }
            // Without the statement's text.
            rusqlite::Error::SqlInputError { error, msg, .. } => {
                rusqlite::Error::SqliteFailure(error, Some(msg))
            }
            error => error,
        }))
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "other errors are kept unchanged")]
impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::PoolTimedOut => Self::Timeout,
            error => Self::Postgres(Arc::new(error)),
        }
    }
}
