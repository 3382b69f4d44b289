//! What is left of limits, by the hash of whose they are: the store under governor's GCRA.

use std::{hash::Hash, num::NonZeroU32, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use governor::{
    Quota, RateLimiter, clock::Clock, middleware::NoOpMiddleware, nanos::Nanos, state::StateStore,
};

use crate::recent::Recent;

/// What limits are counted in.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// One limit for each hash.
///
/// The value is the time, in nanoseconds since 1970, at which the limit will be untouched again: GCRA's theoretical
/// arrival time. All of a limit comes back within the minute, so one that is forgotten a minute after it was last
/// taken from is forgotten for nothing.
#[derive(Debug)]
pub(super) struct Buckets(Recent<u64>);

impl Buckets {
    /// Limits of which `capacity` and the same number of idle ones are remembered.
    pub(super) fn new(capacity: usize) -> Self {
        Self(Recent::new(TimeDelta::minutes(1), capacity))
    }

    /// The name of a limit here.
    pub(super) fn hash(&self, whose: impl Hash) -> u64 {
        self.0.hash(whose)
    }

    /// Takes one of the `limit` that are granted in a minute and at once, or says when there will be one.
    pub(super) fn take(&self, hash: u64, limit: NonZeroU32, now: DateTime<Utc>) -> Result<(), Duration> {
        // Made for this one check, since every deployment has limits of its own and an edit changes them: two
        // divisions, and nothing is allocated.
        Limiter::new(Quota::per_minute(limit), AtOnce { buckets: self, now }, FromNow)
            .check_key(&hash)
            .map_err(|until| until.wait_time_from(FromNow.now()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

type Limiter<'a> = RateLimiter<u64, AtOnce<'a>, FromNow, NoOpMiddleware<Nanos>>;

/// The store as one check sees it: times are told from its own `now` on.
struct AtOnce<'a> {
    buckets: &'a Buckets,
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
        shard.put_and_forget(*hash, now.saturating_add(untouched_in.as_u64()));
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
