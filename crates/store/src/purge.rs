//! Deletes expired rows periodically, in statements small enough not to block others.

use std::{future::Future, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use service_runtime::{Clock, api_error::error_chain, random::Random};

/// Maximum number of rows deleted by one statement.
pub const PURGE_BATCH_ROWS: u32 = 1000;

/// How often the clock is checked; short, because tests advance the clock.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Calls `purge` about every `period`, and repeats it until it deletes nothing. With random jitter, to spread replicas:
/// the first run is within half a period, later ones are up to half a period late.
pub async fn run_purge_loop<E, F>(
    clock: Clock,
    random: Random,
    period: TimeDelta,
    purge: impl Fn(DateTime<Utc>) -> F,
) where
    E: std::error::Error,
    F: Future<Output = Result<u64, E>>,
{
    let jitter = || period * i32::from(u8::from_be_bytes(random.bytes())) / 512;
    let mut due = clock.now() + jitter();
    let mut ticks = tokio::time::interval(CHECK_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = clock.now();
        if now < due {
            continue;
        }
        due = now + period + jitter();
        loop {
            match purge(now).await {
                Ok(0) => break,
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => {
                    tracing::warn!(cause = error_chain(&error), "purge failed");
                    break;
                }
            }
        }
    }
}
