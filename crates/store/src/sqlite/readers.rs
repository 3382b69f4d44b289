//! Connections for reading: as many as threads have read at the same time, since a read blocks its thread.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::{connection::connect, location::Location, open_files::OpenFiles};
use crate::error::DatabaseError;

/// Pool of idle read connections.
#[derive(Debug)]
pub(super) struct Readers {
    location: Location,
    files: OpenFiles,
    /// `None` once closed. Locked only while a connection is taken or returned.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(location: Location, files: OpenFiles) -> Self {
        Self { location, files, idle: Mutex::new(Some(Vec::new())) }
    }

    /// Reads with an idle or new connection.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let idle = self.idle().as_mut().ok_or(DatabaseError::Closed)?.pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let connection = connect(&self.location)?;
                connection.pragma_update(None, "query_only", true)?;
                self.files.check()?;
                connection
            }
        };
        let outcome = read(&connection);
        if let Some(idle) = self.idle().as_mut() {
            idle.push(connection);
        }
        outcome
    }

    /// Rejects further reads; running ones finish.
    pub(super) fn close(&self) {
        let connections = self.idle().take();
        drop(connections);
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        // Ignores poisoning: connections stay usable after a panic.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
