//! Rate limits by GCRA (generic cell rate algorithm), with `governor`'s implementation over a bounded store.

use std::{hash::Hash, num::NonZeroU32, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use governor::{
    Quota, RateLimiter, clock::FakeRelativeClock, middleware::NoOpMiddleware, nanos::Nanos, state::StateStore,
};

use super::charge::Action;
use crate::expiring_map::ExpiringMap;

/// The window of rate limits.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// One limit for each hash.
///
/// The value is GCRA's theoretical arrival time, in nanoseconds since 1970: when the limit will be unused again. A limit
/// recovers within a minute, so an entry has no effect a minute after its last change.
#[derive(Debug)]
pub(super) struct Buckets(ExpiringMap<u64>);

impl Buckets {
    /// Capacity for `capacity` limits of this minute and as many of the minute before.
    pub(super) fn new(capacity: usize) -> Self {
        Self(ExpiringMap::new(TimeDelta::minutes(1), capacity))
    }

    /// The key of a limit here.
    pub(super) fn hash(&self, owner: impl Hash) -> u64 {
        self.0.hash(owner)
    }

    /// Takes one from `quota`, or returns the time until one is available. The burst of a quota must recover within a
    /// minute.
    pub(super) fn take(
        &self,
        hash: u64,
        quota: Quota,
        action: Action,
        now: DateTime<Utc>,
    ) -> Result<(), Duration> {
        // Created for this check, since every deployment has its own limits and an edit changes them.
        Limiter::new(quota, CheckStore { buckets: self, action, now }, FakeRelativeClock::default())
            .check_key(&hash)
            .map_err(|until| until.wait_time_from(Nanos::default()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// `limit` a minute, with a burst of `limit` after an idle minute.
pub(super) fn per_minute(limit: NonZeroU32) -> Quota {
    Quota::per_minute(limit)
}

/// The same without the last quarter; `None` if that leaves nothing.
pub(super) fn first_three_quarters(limit: NonZeroU32) -> Option<Quota> {
    let burst = NonZeroU32::new(limit.get() - limit.get().div_ceil(4))?;
    Some(Quota::per_minute(limit).allow_burst(burst))
}

type Limiter<'a> = RateLimiter<u64, CheckStore<'a>, FakeRelativeClock, NoOpMiddleware<Nanos>>;

/// The store of one check: times are relative to its `now`, so the limiter's clock stands still at zero.
struct CheckStore<'a> {
    buckets: &'a Buckets,
    action: Action,
    now: DateTime<Utc>,
}

impl StateStore for CheckStore<'_> {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, hash: &u64, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let now = self.now.timestamp_nanos_opt().and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or(0);
        let mut shard = self.buckets.0.shard(*hash, self.now);
        let unused_in = shard
            .find(*hash)
            .and_then(|unused_at| unused_at.checked_sub(now))
            // Further ahead than possible: the clock was set back. Waiting for it to catch up would lock visitors out.
            .filter(|ahead| u128::from(*ahead) <= MINUTE.as_nanos());
        let (decision, unused_in) = measure(unused_in.map(Nanos::from))?;
        match self.action {
            Action::Peek => {}
            Action::Take => shard.insert_or_evict(*hash, now.saturating_add(unused_in.as_u64())),
        }
        Ok(decision)
    }
}
