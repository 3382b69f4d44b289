//! A map of bounded size whose entries expire: `dpop` stores accepted proofs, `rate_limit` map usage. It stores only a
//! keyed hash and a small value, so neither addresses nor proofs can be read back from memory, and clients cannot choose
//! colliding keys.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

/// Number of shards, each with its own lock. A power of two: [`SHARD_BITS`] bits of a hash select one.
const SHARDS: usize = 1 << SHARD_BITS;
const SHARD_BITS: u32 = 4;

/// A map that keeps entries for at least a given time, and at most for twice that time.
///
/// Each shard has two generations. Inserts go into the current one; once it is as old as the time to keep, it becomes the
/// previous one, and the entries of the previous one are dropped at once. So no search for expired entries is needed, and
/// the bound holds under any traffic.
pub(crate) struct ExpiringMap<V> {
    hashes: RandomState,
    shards: [Mutex<Shard<V>>; SHARDS],
    keep_for: TimeDelta,
}

/// One shard of the map.
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
    /// A map that keeps entries for `keep_for`, with `capacity` entries in a generation, spread over the shards: at most
    /// twice `capacity` in all.
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

    /// Locks the shard of `hash`, after dropping what has expired at `now`.
    pub(crate) fn shard(&self, hash: u64, now: DateTime<Utc>) -> MutexGuard<'_, Shard<V>> {
        #[allow(clippy::indexing_slicing, reason = "SHARD_BITS bits are less than SHARDS")]
        let shard = &self.shards[(hash >> (u64::BITS - SHARD_BITS)) as usize];
        // The map is consistent even if a thread panicked with the lock.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.rotate(now, self.keep_for);
        shard
    }

    /// Number of entries, including expired ones that are not dropped yet.
    pub(crate) fn len(&self) -> usize {
        let lock = |shard: &Mutex<Shard<V>>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.current.len() + shard.previous.len()
        };
        self.shards.iter().map(lock).sum()
    }
}

impl<V: Copy> Shard<V> {
    /// The value last inserted under `hash`.
    pub(crate) fn find(&self, hash: u64) -> Option<V> {
        self.current.get(&hash).or_else(|| self.previous.get(&hash)).copied()
    }

    /// Inserts `value` under `hash`, or fails if the current generation is full.
    pub(crate) fn insert(&mut self, hash: u64, value: V) -> Result<(), Full> {
        if self.current.len() >= self.capacity && !self.current.contains_key(&hash) {
            return Err(Full);
        }
        self.current.insert(hash, value);
        Ok(())
    }

    /// Inserts `value` under `hash`. If the current generation is full, evicts the previous one early.
    pub(crate) fn insert_or_evict(&mut self, hash: u64, value: V) {
        if self.insert(hash, value).is_err() {
            self.next_generation();
            self.current.insert(hash, value);
        }
    }

    fn rotate(&mut self, now: DateTime<Utc>, keep_for: TimeDelta) {
        let age = now - self.began;
        if age < TimeDelta::zero() {
            // The clock was set back, or a later request overtook this one: entries stay longer in both cases.
            self.began = now;
        } else if age >= keep_for {
            self.next_generation();
            if age >= keep_for * 2 {
                self.previous.clear();
            }
            self.began = now;
        }
    }

    /// Clears and reuses the tables, so steady state allocates nothing.
    fn next_generation(&mut self) {
        mem::swap(&mut self.current, &mut self.previous);
        self.current.clear();
    }
}

impl<V> fmt::Debug for ExpiringMap<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExpiringMap(…)")
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
    fn an_entry_expires_between_one_and_two_periods() {
        for put_at in 0..10 {
            let map = ExpiringMap::new(KEEP_FOR, 100);
            map.shard(1, at(0)).insert(1, 'a').unwrap();
            map.shard(2, at(put_at)).insert(2, 'b').unwrap();
            assert_eq!(map.shard(2, at(put_at + 10)).find(2), Some('b'), "{put_at}");
            assert_eq!(map.shard(2, at(put_at + 20)).find(2), None, "{put_at}");
            map.shard(3, at(put_at + 20)).insert(3, 'c').unwrap();
            assert_eq!(map.shard(3, at(put_at + 40)).find(3), None, "{put_at}, not accessed since");
        }
    }

    #[test]
    fn inserting_again_renews_an_entry() {
        let map = ExpiringMap::new(KEEP_FOR, 100);
        for second in (0..100).step_by(9) {
            map.shard(1, at(second)).insert(1, second).unwrap();
            assert_eq!(map.shard(1, at(second)).find(1), Some(second));
        }
        assert!(map.len() <= 2);
    }

    #[test]
    fn a_clock_that_is_set_back_evicts_nothing_early() {
        let map = ExpiringMap::new(KEEP_FOR, 100);
        map.shard(1, at(1000)).insert(1, ()).unwrap();
        for second in [0, 5, 10] {
            assert_eq!(map.shard(1, at(second)).find(1), Some(()), "{second}");
        }
        assert_eq!(map.shard(1, at(20)).find(1), None);
    }

    #[test]
    fn a_full_generation_accepts_only_existing_keys() {
        let map = ExpiringMap::new(KEEP_FOR, SHARDS);
        map.shard(1, at(0)).insert(1, 'a').unwrap();
        assert_eq!(map.shard(2, at(0)).insert(2, 'b'), Err(Full));
        assert_eq!(map.shard(1, at(0)).insert(1, 'c'), Ok(()));
        assert_eq!(map.shard(1 << 63, at(0)).insert(1 << 63, 'd'), Ok(()), "another shard");
        map.shard(2, at(0)).insert_or_evict(2, 'b');
        map.shard(3, at(0)).insert_or_evict(3, 'e');
        let shard = map.shard(1, at(0));
        assert_eq!((shard.find(1), shard.find(2), shard.find(3)), (None, Some('b'), Some('e')));
    }

    #[test]
    fn the_bound_holds_under_any_traffic() {
        let map = ExpiringMap::new(KEEP_FOR, 1600);
        for n in 0..100_000_u64 {
            let hash = map.hash(n);
            map.shard(hash, at(n as i64 / 1000)).insert_or_evict(hash, n);
            assert_eq!(map.shard(hash, at(n as i64 / 1000)).find(hash), Some(n));
        }
        assert!(map.len() <= 3200, "{}", map.len());
    }
}
