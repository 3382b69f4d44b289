//! Batch size and deadlines.

use std::{future::Future, time::Duration};

use crate::error::DatabaseError;

/// Maximum number of requests in a batch.
pub const MAX_BATCH_SIZE: usize = 64;

/// Deadline of acquiring a connection; no longer than a guest waits for a response.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Deadline of a statement on PostgreSQL, which itself ends statements after 5 s: beyond, the connection is silent.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(6);

/// Deadline of a database call as a whole. A disconnected server may never respond.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// Deadline of a probe; health checks do not wait longer.
pub(crate) const PROBE_DEADLINE: Duration = Duration::from_secs(1);

/// Runs a call under a deadline.
pub(crate) async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    tokio::time::timeout(deadline, call).await.unwrap_or(Err(DatabaseError::Timeout))
}
