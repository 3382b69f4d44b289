//! Deadlines that cost nothing where they are not needed: most of what has one is there at once.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use tokio::time::{error::Elapsed, timeout};

/// What `future` gives, if it gives it within `limit`. A timer is set only if it has to be waited for.
pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, Elapsed> {
    within_pinned(limit, pin!(future)).await
}

/// The same of what stays where it is: a large future is not moved about.
pub(crate) async fn within_pinned<T>(
    limit: Duration,
    mut future: Pin<&mut impl Future<Output = T>>,
) -> Result<T, Elapsed> {
    match poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => timeout(limit, future).await,
    }
}
