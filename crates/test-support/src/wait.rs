//! Waits with a bound: what never happens fails its test instead of hanging it.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Returns once `condition` holds, which is polled every 2 ms. Panics with `what` if it does not hold within this time.
pub async fn eventually(limit: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let holds = async {
        while !condition().await {
            sleep(Duration::from_millis(2)).await;
        }
    };
    within(limit, what, holds).await;
}

/// The output of a future. Panics with `what` if it is not complete within this time.
pub async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    timeout(limit, future).await.unwrap_or_else(|_| panic!("not within {limit:?}: {what}"))
}
