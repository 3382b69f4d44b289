//! The revoked set: the in-memory revocation list of a replica, so that judging a token needs no I/O. `sessions` fills it
//! from the store.

#[cfg(test)]
mod tests;

use std::{
    array,
    collections::HashMap,
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use shared_types::SessionId;
use token::claims::Claims;

use super::{Revocation, RevocationTarget};

/// The number of maps that the sessions are spread over: a lock covers one of them, and a map that grows doubles 1/64 of
/// the memory.
const SHARDS: usize = 64;

/// The revocations in force. Checking a token costs one look-up among the sessions and three among the other targets,
/// however many there are; it blocks only on a writer in the same shard.
///
/// A session takes 20 bytes and a map's slack: 24 to 48 bytes in all. The other targets are few, since only operators
/// revoke them: adding one copies the map, so that reading takes no lock.
pub struct RevokedSet {
    sessions: [Shard; SHARDS],
    others: ArcSwap<HashMap<RevocationTarget, Revocation, IdHash>>,
}

/// The sessions whose ids share their last bits, on a cache line of its own.
#[repr(align(64))]
struct Shard(RwLock<RevokedSessions>);

struct RevokedSessions {
    /// When each may be removed, in whole seconds since 1970, rounded up: valid until 2106.
    forget_at: HashMap<SessionId, u32, IdHash>,
    /// A lower bound of the earliest of these times.
    first_forget_at: u32,
}

impl Default for RevokedSet {
    fn default() -> Self {
        let hash = IdHash::new();
        let shard = || RevokedSessions { forget_at: HashMap::with_hasher(hash), first_forget_at: u32::MAX };
        Self {
            sessions: array::from_fn(|_| Shard(RwLock::new(shard()))),
            others: ArcSwap::from_pointee(HashMap::with_hasher(hash)),
        }
    }
}

impl RevokedSet {
    /// Adds revocations; of two for the same target the later one counts.
    pub fn add(&self, revocations: impl IntoIterator<Item = Revocation>) {
        let mut others = Vec::new();
        for new in revocations {
            match new.target {
                RevocationTarget::Session(session) => self.shard(session).write().add(session, new.forget_at),
                RevocationTarget::Identity(..)
                | RevocationTarget::Deployment(_)
                | RevocationTarget::Account(_) => others.push(new),
            }
        }
        if others.is_empty() {
            return;
        }
        self.others.rcu(|current| {
            let mut next = HashMap::clone(current);
            for new in &others {
                let latest = next.entry(new.target).or_insert(*new);
                if latest.revoked_at < new.revoked_at {
                    *latest = *new;
                }
            }
            next
        });
    }

    /// Reserves memory for `sessions`: maps that grow while a million sessions are read leave fragmented memory behind.
    pub fn reserve(&self, sessions: usize) {
        // Ids are spread evenly, with some variance.
        let each = sessions / SHARDS + sessions / SHARDS / 16;
        for shard in &self.sessions {
            shard.write().forget_at.reserve(each);
        }
    }

    /// Whether the token with these claims has been revoked.
    pub fn is_revoked(&self, claims: &Claims) -> bool {
        self.shard(claims.sid).read().forget_at.contains_key(&claims.sid) || self.is_revoked_otherwise(claims)
    }

    /// Whether its account, identity or deployment has been revoked.
    fn is_revoked_otherwise(&self, claims: &Claims) -> bool {
        let others = self.others.load();
        if others.is_empty() {
            return false;
        }
        let began_at = claims.began_at();
        let up_to = |target: RevocationTarget| {
            others.get(&target).is_some_and(|revocation| began_at <= revocation.revoked_at)
        };
        up_to(RevocationTarget::Account(claims.sub))
            || up_to(RevocationTarget::Identity(claims.sub, claims.grants.identity))
            || claims.deployment().is_some_and(|deployment| up_to(RevocationTarget::Deployment(deployment)))
    }

    /// Removes expired revocations at `now`, those of sessions within a second, and frees their memory.
    pub fn forget(&self, now: DateTime<Utc>) {
        let seconds = whole_seconds(now.timestamp());
        for shard in &self.sessions {
            if shard.read().first_forget_at <= seconds {
                shard.write().forget(seconds);
            }
        }
        let is_expired = |revocation: &Revocation| revocation.forget_at <= now;
        if self.others.load().values().any(is_expired) {
            self.others.rcu(|current| {
                let mut next = HashMap::clone(current);
                next.retain(|_, revocation| !is_expired(revocation));
                next
            });
        }
    }

    fn shard(&self, session: SessionId) -> &Shard {
        #[allow(clippy::indexing_slicing, reason = "a remainder is less than the divisor")]
        &self.sessions[usize::from(session.last_byte()) % SHARDS]
    }
}

impl fmt::Debug for RevokedSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RevokedSet(…)")
    }
}

impl Shard {
    fn read(&self) -> RwLockReadGuard<'_, RevokedSessions> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, RevokedSessions> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RevokedSessions {
    fn add(&mut self, session: SessionId, forget_at: DateTime<Utc>) {
        let fraction = i64::from(forget_at.timestamp_subsec_nanos() > 0);
        let forget_at = whole_seconds(forget_at.timestamp().saturating_add(fraction));
        self.first_forget_at = self.first_forget_at.min(forget_at);
        let latest = self.forget_at.entry(session).or_insert(forget_at);
        *latest = forget_at.max(*latest);
    }

    fn forget(&mut self, now: u32) {
        self.forget_at.retain(|_, forget_at| *forget_at > now);
        self.forget_at.shrink_to_fit();
        self.first_forget_at = self.forget_at.values().copied().min().unwrap_or(u32::MAX);
    }
}

fn whole_seconds(timestamp: i64) -> u32 {
    u32::try_from(timestamp.max(0)).unwrap_or(u32::MAX)
}

/// Hashes ids in a few instructions: each half is multiplied and folded. Collisions cannot be chosen from outside: the ids
/// are random and come from authentic tokens or an operator, and the hash is seeded per process.
#[derive(Clone, Copy)]
struct IdHash(u64);

impl IdHash {
    fn new() -> Self {
        Self(RandomState::new().build_hasher().finish())
    }
}

impl BuildHasher for IdHash {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for IdHash {
    fn write(&mut self, bytes: &[u8]) {
        // Odd, and half of its bits set.
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
        for half in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(half).for_each(|(to, from)| *to = *from);
            let product = u128::from(self.0 ^ u64::from_ne_bytes(word)) * u128::from(FACTOR);
            self.0 = product as u64 ^ (product >> 64) as u64;
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
