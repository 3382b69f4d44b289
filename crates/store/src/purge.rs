//! Removes what is of no more use, now and then, in small statements that nobody has to wait for.

use std::{future::Future, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use service_runtime::{Clock, api_error::error_chain, random::Random};

/// How many rows one statement removes at most.
pub const PURGED_AT_ONCE: u32 = 1000;

/// How often it is looked whether it is time; a test's clock is moved in the meantime.
const LOOK: Duration = Duration::from_millis(250);

/// Calls `purge` about every `period`, and each time again and again while it removes rows. Replicas spread by chance:
/// the first time comes within half a period, and each other up to half a period later than it might.
pub async fn run_purge_loop<E, F>(
    clock: Clock,
    random: Random,
    period: TimeDelta,
    purge: impl Fn(DateTime<Utc>) -> F,
) where
    E: std::error::Error,
    F: Future<Output = Result<u64, E>>,
{
    let by_chance = || period * i32::from(u8::from_be_bytes(random.bytes())) / 512;
    let mut due = clock.now() + by_chance();
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = clock.now();
        if now < due {
            continue;
        }
        due = now + period + by_chance();
        loop {
            match purge(now).await {
                Ok(0) => break,
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => {
                    tracing::warn!(cause = error_chain(&error), "what is of no more use was not removed");
                    break;
                }
            }
        }
    }
}
