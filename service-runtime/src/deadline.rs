//! Deadlines without a timer for futures that are ready at once, as most are.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use tokio::time::{error::Elapsed, timeout};

/// Polls `future` to completion within `limit`. The timer is created only if the first poll is pending.
pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, Elapsed> {
    within_pinned(limit, pin!(future)).await
}

/// The same for a pinned future, to avoid moving a large one.
pub(crate) async fn within_pinned<T>(
    limit: Duration,
    mut future: Pin<&mut impl Future<Output = T>>,
) -> Result<T, Elapsed> {
    match poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => timeout(limit, future).await,
    }
}
