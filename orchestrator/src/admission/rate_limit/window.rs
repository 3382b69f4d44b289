//! Hourly byte budgets as sliding windows: no hour, wherever it starts, exceeds the budget. GCRA would allow up to twice the
//! budget in an hour after an idle one.

use std::{hash::Hash, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::charge::Action;
use crate::expiring_map::ExpiringMap;

/// The window of byte budgets.
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// A window consists of parts, and advances by one part.
const PART_SECONDS: i64 = 300;

/// The parts of an hour, and the current one.
const PARTS: usize = 13;

/// One budget for each hash.
#[derive(Debug)]
pub(super) struct Windows(ExpiringMap<Window>);

/// Recent usage.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    /// The number of the newest part, counted from 1970.
    newest: i64,
    /// Usage of each part, newest first.
    taken: [u32; PARTS],
}

impl Windows {
    /// Capacity for `capacity` budgets of this window, and as many of the one before.
    pub(super) fn new(capacity: usize) -> Self {
        Self(ExpiringMap::new(TimeDelta::seconds(PARTS as i64 * PART_SECONDS), capacity))
    }

    /// The key of a budget here.
    pub(super) fn hash(&self, owner: impl Hash) -> u64 {
        self.0.hash(owner)
    }

    /// Takes `amount` from a budget of `limit` an hour, or returns the time until it is available.
    pub(super) fn take(
        &self,
        hash: u64,
        limit: u32,
        amount: u32,
        action: Action,
        now: DateTime<Utc>,
    ) -> Result<(), Duration> {
        let mut shard = self.0.shard(hash, now);
        let mut window = shard.find(hash).unwrap_or_default();
        window.advance(now);
        window.check(limit, amount, now)?;
        match action {
            Action::Peek => {}
            Action::Take => {
                window.add(amount);
                shard.insert_or_evict(hash, window);
            }
        }
        Ok(())
    }

    /// Records `amount` without a limit.
    pub(super) fn count(&self, hash: u64, amount: u32, now: DateTime<Utc>) {
        let mut shard = self.0.shard(hash, now);
        let mut window = shard.find(hash).unwrap_or_default();
        window.advance(now);
        window.add(amount);
        shard.insert_or_evict(hash, window);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Window {
    fn advance(&mut self, now: DateTime<Utc>) {
        let part = now.timestamp().div_euclid(PART_SECONDS);
        let by = part - self.newest;
        if by < -1 || by >= PARTS as i64 {
            // Long ago, or the clock was set back: waiting for it to catch up would lock visitors out.
            *self = Self { newest: part, taken: [0; PARTS] };
        } else if let Ok(by @ 1..) = usize::try_from(by) {
            self.taken.rotate_right(by);
            self.taken.iter_mut().take(by).for_each(|taken| *taken = 0);
            self.newest = part;
        }
        // One part back: the request was overtaken by a later one. It counts in the newest part.
    }

    fn check(&self, limit: u32, amount: u32, now: DateTime<Utc>) -> Result<(), Duration> {
        let mut taken: u64 = self.taken.iter().copied().map(u64::from).sum();
        let is_over = |taken: u64| taken + u64::from(amount) > u64::from(limit);
        if !is_over(taken) {
            return Ok(());
        }
        let kept_for =
            |age: usize| (self.newest - age as i64 + PARTS as i64) * PART_SECONDS - now.timestamp();
        // The oldest part expires first.
        for (age, part) in self.taken.iter().enumerate().rev() {
            taken -= u64::from(*part);
            if !is_over(taken) {
                return Err(Duration::from_secs(u64::try_from(kept_for(age)).unwrap_or_default()));
            }
        }
        Err(HOUR)
    }

    fn add(&mut self, amount: u32) {
        let [newest, ..] = &mut self.taken;
        *newest = newest.saturating_add(amount);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn take(windows: &Windows, amount: u32, second: i64) -> Result<(), Duration> {
        windows.take(1, 100, amount, Action::Take, at(second))
    }

    #[test]
    fn usage_expires_after_an_hour() {
        let windows = Windows::new(100);
        take(&windows, 60, 0).unwrap();
        take(&windows, 40, 400).unwrap();
        assert_eq!(take(&windows, 1, 500), Err(Duration::from_secs(3400)));
        assert_eq!(take(&windows, 61, 500), Err(Duration::from_secs(3700)));
        assert!(take(&windows, 60, 3899).is_err());
        take(&windows, 60, 3900).unwrap();
        assert!(take(&windows, 1, 3900).is_err());
        assert_eq!(take(&windows, 101, 3900), Err(HOUR), "never");
    }

    #[test]
    fn peeking_takes_nothing() {
        let windows = Windows::new(100);
        for _ in 0..10 {
            windows.take(1, 100, 100, Action::Peek, at(0)).unwrap();
        }
        take(&windows, 100, 0).unwrap();
        assert!(windows.take(1, 100, 1, Action::Peek, at(0)).is_err());
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let windows = Windows::new(100);
        take(&windows, 100, 100_000).unwrap();
        assert!(take(&windows, 1, 100_000 - 200).is_err(), "a request that was overtaken");
        take(&windows, 100, 0).unwrap();
    }

    #[test]
    fn usage_beyond_the_budget_does_not_overflow() {
        let windows = Windows::new(100);
        for _ in 0..2 {
            windows.count(1, 1 << 31, at(0));
        }
        assert!(take(&windows, 1, 0).is_err());
        take(&windows, 100, 4000).unwrap();
    }

    proptest! {
        #[test]
        fn no_hour_exceeds_the_budget(
            steps in prop::collection::vec((0..1200_i64, 1..60_u32), 1..200),
        ) {
            let windows = Windows::new(100);
            let (mut second, mut granted) = (0, Vec::new());
            for (step, amount) in steps {
                second += step;
                if take(&windows, amount, second).is_ok() {
                    granted.push((second, amount));
                }
            }
            for (from, _) in &granted {
                let hour = granted.iter().filter(|(at, _)| (*from..from + 3600).contains(at));
                prop_assert!(hour.map(|(_, amount)| amount).sum::<u32>() <= 100);
            }
        }
    }
}
