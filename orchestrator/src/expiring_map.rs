//! What happened lately, in bounded memory: `dpop` remembers the proofs that it has seen here, and `rate_limit` what a
//! caller has spent. Nothing is kept but a keyed hash and a small value, so that neither an address nor a proof can be
//! read back from memory, and nobody outside can choose what collides.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

/// Callers wait for each other only within a shard. A power of two, written in [`SHARD_BITS`] bits of a hash.
const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 4;

/// A map that keeps what was put into it for a time, and at most for twice that long.
///
/// Each shard has two generations. What is put goes into the current one; when that has lasted for the time to keep,
/// it becomes the previous one, and what the previous one held is forgotten at once. So nothing is ever searched for
/// old entries, and the bound holds whatever the traffic.
pub(crate) struct ExpiringMap<V> {
    hashes: RandomState,
    shards: [Mutex<Shard<V>>; SHARDS],
    keep_for: TimeDelta,
}

/// The part of a map that a hash belongs to.
pub(crate) struct Shard<V> {
    current: HashMap<u64, V>,
    previous: HashMap<u64, V>,
    began: DateTime<Utc>,
    capacity: usize,
}

/// The current generation has no room for another entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl<V: Copy> ExpiringMap<V> {
    /// A map that keeps entries for `keep_for`, and holds at most twice `capacity` of them: `capacity` in a generation,
    /// spread over the shards.
    pub(crate) fn new(keep_for: TimeDelta, capacity: usize) -> Self {
        let shard = || {
            Mutex::new(Shard {
                current: HashMap::new(),
                previous: HashMap::new(),
                began: DateTime::UNIX_EPOCH,
                capacity: capacity.div_ceil(SHARDS),
            })
        };
        Self { hashes: RandomState::new(), shards: std::array::from_fn(|_| shard()), keep_for }
    }

    /// The keyed hash of `value`: SipHash under a key of this process.
    pub(crate) fn hash(&self, value: impl Hash) -> u64 {
        self.hashes.hash_one(value)
    }

    /// The shard of `hash`, with what is too old at `now` forgotten.
    pub(crate) fn shard(&self, hash: u64, now: DateTime<Utc>) -> MutexGuard<'_, Shard<V>> {
        #[allow(clippy::indexing_slicing, reason = "so many bits count so many shards")]
        let shard = &self.shards[(hash >> (u64::BITS - SHARD_BITS)) as usize];
        // What a panicking thread left behind is a map still.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.turn(now, self.keep_for);
        shard
    }

    /// How many entries it holds, those included that nobody will ask for again.
    pub(crate) fn len(&self) -> usize {
        let lock = |shard: &Mutex<Shard<V>>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.current.len() + shard.previous.len()
        };
        self.shards.iter().map(lock).sum()
    }
}

impl<V: Copy> Shard<V> {
    /// What was last put under `hash`.
    pub(crate) fn find(&self, hash: u64) -> Option<V> {
        self.current.get(&hash).or_else(|| self.previous.get(&hash)).copied()
    }

    /// Puts `value` under `hash`, if there is room.
    pub(crate) fn put(&mut self, hash: u64, value: V) -> Result<(), Full> {
        if self.current.len() >= self.capacity && !self.current.contains_key(&hash) {
            return Err(Full);
        }
        self.current.insert(hash, value);
        Ok(())
    }

    /// Puts `value` under `hash`, and where there is no room forgets the previous generation before its time.
    pub(crate) fn put_and_forget(&mut self, hash: u64, value: V) {
        if self.put(hash, value).is_err() {
            self.next_generation();
            self.current.insert(hash, value);
        }
    }

    fn turn(&mut self, now: DateTime<Utc>, keep_for: TimeDelta) {
        let age = now - self.began;
        if age < TimeDelta::zero() {
            // The clock was set back, or this call waited while a later one was faster: either way entries stay longer.
            self.began = now;
        } else if age >= keep_for {
            self.next_generation();
            if age >= keep_for * 2 {
                self.previous.clear();
            }
            self.began = now;
        }
    }

    /// The tables are emptied and used again: in the long run nothing is allocated.
    fn next_generation(&mut self) {
        mem::swap(&mut self.current, &mut self.previous);
        self.current.clear();
    }
}

impl<V> fmt::Debug for ExpiringMap<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recent(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP_FOR: TimeDelta = TimeDelta::seconds(10);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn an_entry_stays_for_the_time_and_is_gone_after_twice_that() {
        for put_at in 0..10 {
            let recent = ExpiringMap::new(KEEP_FOR, 100);
            recent.shard(1, at(0)).put(1, 'a').unwrap();
            recent.shard(2, at(put_at)).put(2, 'b').unwrap();
            assert_eq!(recent.shard(2, at(put_at + 10)).find(2), Some('b'), "{put_at}");
            assert_eq!(recent.shard(2, at(put_at + 20)).find(2), None, "{put_at}");
            recent.shard(3, at(put_at + 20)).put(3, 'c').unwrap();
            assert_eq!(recent.shard(3, at(put_at + 40)).find(3), None, "{put_at}, not looked at since");
        }
    }

    #[test]
    fn what_is_put_again_is_as_new() {
        let recent = ExpiringMap::new(KEEP_FOR, 100);
        for second in (0..100).step_by(9) {
            recent.shard(1, at(second)).put(1, second).unwrap();
            assert_eq!(recent.shard(1, at(second)).find(1), Some(second));
        }
        assert!(recent.len() <= 2);
    }

    #[test]
    fn a_clock_that_is_set_back_forgets_nothing_too_early() {
        let recent = ExpiringMap::new(KEEP_FOR, 100);
        recent.shard(1, at(1000)).put(1, ()).unwrap();
        for second in [0, 5, 10] {
            assert_eq!(recent.shard(1, at(second)).find(1), Some(()), "{second}");
        }
        assert_eq!(recent.shard(1, at(20)).find(1), None);
    }

    #[test]
    fn a_full_generation_takes_what_it_has_and_nothing_else() {
        let recent = ExpiringMap::new(KEEP_FOR, SHARDS);
        recent.shard(1, at(0)).put(1, 'a').unwrap();
        assert_eq!(recent.shard(2, at(0)).put(2, 'b'), Err(Full));
        assert_eq!(recent.shard(1, at(0)).put(1, 'c'), Ok(()));
        assert_eq!(recent.shard(1 << 63, at(0)).put(1 << 63, 'd'), Ok(()), "another shard");
        recent.shard(2, at(0)).put_and_forget(2, 'b');
        recent.shard(3, at(0)).put_and_forget(3, 'e');
        let shard = recent.shard(1, at(0));
        assert_eq!((shard.find(1), shard.find(2), shard.find(3)), (None, Some('b'), Some('e')));
    }

    #[test]
    fn the_bound_holds_whatever_is_put() {
        let recent = ExpiringMap::new(KEEP_FOR, 1600);
        for n in 0..100_000_u64 {
            let hash = recent.hash(n);
            recent.shard(hash, at(n as i64 / 1000)).put_and_forget(hash, n);
            assert_eq!(recent.shard(hash, at(n as i64 / 1000)).find(hash), Some(n));
        }
        assert!(recent.len() <= 3200, "{}", recent.len());
    }
}
