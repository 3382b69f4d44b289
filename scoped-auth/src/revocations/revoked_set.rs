//! The revoked set: what every replica holds in memory, so that judging a token asks nobody. It is fed from the store
//! by `sessions`.

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

use super::{Revocation, RevocationTarget};
use crate::claims::Claims;

/// The sessions are spread over so many maps: a lock is held for one of them, and one that grows doubles a 64th of the
/// memory.
const SHARDS: usize = 64;

/// The revocations in force. Looking a token up costs one look-up among the sessions and three among the other
/// subjects, however many there are, and waits for nobody but a writer in the same 64th of the sessions.
///
/// A session takes 20 bytes and a map's slack: 24 to 48 bytes in all. The other subjects are few, since operators alone
/// revoke them: adding some copies all of them, so that looking up takes no lock.
pub struct RevokedSet {
    sessions: [Shard; SHARDS],
    others: ArcSwap<HashMap<RevocationTarget, Revocation, IdHash>>,
}

/// Sessions with one end of their ids, on a cache line that is no other's.
#[repr(align(64))]
struct Shard(RwLock<RevokedSessions>);

struct RevokedSessions {
    /// When each may be forgotten, in whole seconds since 1970, rounded up: good until 2106.
    forget_at: HashMap<SessionId, u32, IdHash>,
    /// When the first of them may be forgotten, at the earliest.
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
    /// Adds revocations; of two of one subject the later one holds.
    pub fn add(&self, revocations: impl IntoIterator<Item = Revocation>) {
        let mut others = Vec::new();
        for new in revocations {
            match new.subject {
                RevocationTarget::Session(session) => self.shard(session).write().add(session, new.forget_at),
                RevocationTarget::Identity(..)
                | RevocationTarget::Deployment(_)
                | RevocationTarget::Account(_) => others.push(new),
            }
        }
        if others.is_empty() {
            return;
        }
        self.others.rcu(|kept| {
            let mut next = HashMap::clone(kept);
            for new in &others {
                let kept = next.entry(new.subject).or_insert(*new);
                if kept.revoked_at < new.revoked_at {
                    *kept = *new;
                }
            }
            next
        });
    }

    /// Makes room for so many sessions at once: maps that grow while a million are read leave the memory of what they were
    /// behind.
    pub fn reserve(&self, sessions: usize) {
        // Ids are spread evenly, but for a few more here and there.
        let each = sessions / SHARDS + sessions / SHARDS / 16;
        for shard in &self.sessions {
            shard.write().forget_at.reserve(each);
        }
    }

    /// Whether the token with these claims has been revoked.
    pub fn is_revoked(&self, claims: &Claims) -> bool {
        self.shard(claims.sid).read().forget_at.contains_key(&claims.sid) || self.holds_other(claims)
    }

    /// Whether it has been revoked for another reason than that its session was.
    fn holds_other(&self, claims: &Claims) -> bool {
        let others = self.others.load();
        if others.is_empty() {
            return false;
        }
        let began_at = claims.began_at();
        let up_to =
            |subject: RevocationTarget| others.get(&subject).is_some_and(|kept| began_at <= kept.revoked_at);
        up_to(RevocationTarget::Account(claims.sub))
            || up_to(RevocationTarget::Identity(claims.sub, claims.grants.identity))
            || claims.deployment().is_some_and(|deployment| up_to(RevocationTarget::Deployment(deployment)))
    }

    /// Forgets what is of no more use at `now`, a session within a second, and gives its memory back.
    pub fn forget(&self, now: DateTime<Utc>) {
        let seconds = whole_seconds(now.timestamp());
        for shard in &self.sessions {
            if shard.read().first_forget_at <= seconds {
                shard.write().forget(seconds);
            }
        }
        let is_over = |kept: &Revocation| kept.forget_at <= now;
        if self.others.load().values().any(is_over) {
            self.others.rcu(|kept| {
                let mut next = HashMap::clone(kept);
                next.retain(|_, kept| !is_over(kept));
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
        let kept = self.forget_at.entry(session).or_insert(forget_at);
        *kept = forget_at.max(*kept);
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

/// Hashes ids in a few instructions: each half is multiplied and folded. Nobody outside can choose what collides: the
/// ids are random and come out of authentic tokens or from an operator, and the hash begins with a number of this
/// process.
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
