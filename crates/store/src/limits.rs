//! The bounds on batches and waiting.

use std::{future::Future, time::Duration};

use crate::error::DatabaseError;

/// How many calls go together at most.
pub const TOGETHER: usize = 64;

/// How long a connection is waited for; a guest waits no longer for an answer.
pub(crate) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a call of the store may take in all. An engine that was cut off says nothing, for ever.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// How long the answer to whether the engine is there may take; health checks do not wait longer.
pub(crate) const PING_DEADLINE: Duration = Duration::from_secs(1);

/// Bounds a call; one that takes longer has failed.
pub(crate) async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, DatabaseError>>,
) -> Result<T, DatabaseError> {
    tokio::time::timeout(deadline, call).await.unwrap_or(Err(DatabaseError::Silent))
}
