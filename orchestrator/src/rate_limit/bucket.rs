//! Limits by GCRA (generic cell rate algorithm), as `governor` implements it, over a bounded store.

use std::{hash::Hash, num::NonZeroU32, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use governor::{
    Quota, RateLimiter, clock::Clock, middleware::NoOpMiddleware, nanos::Nanos, state::StateStore,
};

use super::Action;
use crate::expiring_map::ExpiringMap;

/// What limits are counted in.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// One limit for each hash.
///
/// The value is GCRA's theoretical arrival time, in nanoseconds since 1970: when the limit will be untouched again. All
/// of a limit comes back within the minute, so that an entry has no effect a minute after its last change.
#[derive(Debug)]
pub(super) struct Buckets(ExpiringMap<u64>);

impl Buckets {
    /// Stores `capacity` limits of this minute and as many of the minute before.
    pub(super) fn new(capacity: usize) -> Self {
        Self(ExpiringMap::new(TimeDelta::minutes(1), capacity))
    }

    /// The key of a limit here.
    pub(super) fn hash(&self, owner: impl Hash) -> u64 {
        self.0.hash(owner)
    }

    /// Takes one of what `quota` grants, or returns how long it is until there is one. The burst of a quota must come
    /// back within a minute.
    pub(super) fn take(
        &self,
        hash: u64,
        quota: Quota,
        action: Action,
        now: DateTime<Utc>,
    ) -> Result<(), Duration> {
        // Made for this one check, since every deployment has limits of its own and an edit changes them: two
        // divisions, and nothing is allocated.
        Limiter::new(quota, AtOnce { buckets: self, action, now }, FromNow)
            .check_key(&hash)
            .map_err(|until| until.wait_time_from(FromNow.now()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// `limit` a minute, all of them at once after an idle minute.
pub(super) fn per_minute(limit: NonZeroU32) -> Quota {
    Quota::per_minute(limit)
}

/// The same without the last quarter; `None` if nothing is left then.
pub(super) fn first_three_quarters(limit: NonZeroU32) -> Option<Quota> {
    let burst = NonZeroU32::new(limit.get() - limit.get().div_ceil(4))?;
    Some(Quota::per_minute(limit).allow_burst(burst))
}

type Limiter<'a> = RateLimiter<u64, AtOnce<'a>, FromNow, NoOpMiddleware<Nanos>>;

/// The store as one check sees it: times are relative to its own `now`.
struct AtOnce<'a> {
    buckets: &'a Buckets,
    action: Action,
    now: DateTime<Utc>,
}

impl StateStore for AtOnce<'_> {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, hash: &u64, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let now = self.now.timestamp_nanos_opt().and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or(0);
        let mut shard = self.buckets.0.shard(*hash, self.now);
        let untouched_in = shard
            .find(*hash)
            .and_then(|untouched_at| untouched_at.checked_sub(now))
            // Further ahead than a limit can be taken from: the clock has been set back. Waiting for it to catch up
            // would shut visitors out for as long as it was wrong.
            .filter(|ahead| u128::from(*ahead) <= MINUTE.as_nanos());
        let (outcome, untouched_in) = measure(untouched_in.map(Nanos::from))?;
        match self.action {
            Action::Look => {}
            Action::Charge => shard.put_and_forget(*hash, now.saturating_add(untouched_in.as_u64())),
        }
        Ok(outcome)
    }
}

/// A clock that stands at the moment of the check.
struct FromNow;

impl Clock for FromNow {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::default()
    }
}
