//! A connection in use.

use sqlx::{Connection as _, PgConnection};
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit, time::timeout};

use super::{PooledConnection, PostgresPool};
use crate::{error::DatabaseError, limits::STATEMENT_TIMEOUT};

/// A connection in use. Dropped while a call runs on it, or after one that failed, it is available again once the server
/// has ended the call's transaction.
pub(crate) struct Lease {
    pool: PostgresPool,
    /// Released last, when the connection is available again or closed.
    permit: Option<OwnedSemaphorePermit>,
    /// `None` once it is returned.
    connection: Option<PooledConnection>,
}

impl Lease {
    pub(super) fn new(
        pool: PostgresPool,
        permit: OwnedSemaphorePermit,
        connection: PooledConnection,
    ) -> Self {
        Self { pool, permit: Some(permit), connection: Some(connection) }
    }

    /// The connection.
    pub(crate) fn connection(&mut self) -> Result<&mut PgConnection, DatabaseError> {
        self.connection.as_mut().map(|pooled| &mut pooled.connection).ok_or(DatabaseError::Closed)
    }

    /// Makes the connection available, after a call that succeeded.
    pub(super) fn put_back(mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.put_back(connection);
        }
    }

    /// Closes the connection.
    pub(super) fn close(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        // Without a runtime the process is about to end.
        let Ok(runtime) = Handle::try_current() else { return };
        let (pool, permit) = (self.pool.clone(), self.permit.take());
        runtime.spawn(async move {
            // The server may still be executing the statement. A ping sends a pending rollback, and waits for both.
            match timeout(STATEMENT_TIMEOUT, connection.connection.ping()).await {
                Ok(Ok(())) => pool.put_back(connection),
                Ok(Err(_)) | Err(_) => {
                    drop(connection);
                    pool.distrust("a returned connection is broken or silent");
                }
            }
            drop(permit);
        });
    }
}
