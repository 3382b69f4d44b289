//! The connections that read. There are as many as threads have read at the same moment: a reading thread does nothing
//! else meanwhile.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::{connection::connect, place::Place};
use crate::error::DatabaseError;

/// The connections that nobody reads from at the moment.
#[derive(Debug)]
pub(super) struct Readers {
    place: Place,
    /// `None` once it is closed. Locked for as long as it takes to take one, or to lay one back.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(place: Place) -> Self {
        Self { place, idle: Mutex::new(Some(Vec::new())) }
    }

    /// Reads, with a connection that nobody else has.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        let idle = self.idle().as_mut().ok_or(DatabaseError::Closed)?.pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let connection = connect(&self.place)?;
                connection.pragma_update(None, "query_only", true)?;
                connection
            }
        };
        let outcome = read(&connection);
        if let Some(idle) = self.idle().as_mut() {
            idle.push(connection);
        }
        outcome
    }

    /// From now on nobody reads; who is at it ends.
    pub(super) fn close(&self) {
        let connections = self.idle().take();
        drop(connections);
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        // What a panicking thread left behind are connections still.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
