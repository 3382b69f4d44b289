//! `jti`, seen once (RFC 9449, section 11.1).

use chrono::{DateTime, TimeDelta, Utc};
use shared_types::Thumbprint;

use super::{MAX_SKEW, Reason};
use crate::expiring_map::ExpiringMap;

/// The proofs that this process has seen. One for all of its workers.
///
/// Memory is bounded: at [`CAPACITY`](Self::CAPACITY) further proofs are refused until older ones may be forgotten. To
/// forget early instead would let whoever can make many proofs, which is everybody, clear the way for a replay.
///
/// Replicas do not tell each other. A proof that one of them has seen can be shown to another one while it is fresh,
/// for the same method, route and token, and there only by who also has that token: it is the same call once more.
#[derive(Debug)]
pub struct ReplayStore(ExpiringMap<()>);

impl ReplayStore {
    /// How many proofs are taken in the time that one is remembered: 7,000 a second. In bytes: 19 MB at most.
    pub const CAPACITY: usize = 910_000;

    /// A proof is fresh from `MAX_SKEW` before its `iat` until `MAX_SKEW` after. The rest is for calls that overtake
    /// each other: a call's time is when its head arrived, and its body may take seconds.
    const KEEP_FOR: TimeDelta = TimeDelta::seconds(2 * MAX_SKEW.num_seconds() + 15);

    /// A store that has seen nothing.
    pub fn new() -> Self {
        Self::with_capacity(Self::CAPACITY)
    }

    /// The same, with another number in place of [`CAPACITY`](Self::CAPACITY).
    pub fn with_capacity(proofs: usize) -> Self {
        Self(ExpiringMap::new(Self::KEEP_FOR, proofs))
    }

    /// How many proofs are remembered: at most twice the capacity.
    pub fn remembered(&self) -> usize {
        self.0.len()
    }

    /// Remembers a proof, unless it has been seen. `jti` is its key's own: no other key's holder can use it up.
    pub(super) fn see(&self, key: &Thumbprint, jti: &str, now: DateTime<Utc>) -> Result<(), Reason> {
        let proof = self.0.hash((key, jti));
        let mut shard = self.0.shard(proof, now);
        if shard.find(proof).is_some() {
            return Err(Reason::Replayed);
        }
        shard.put(proof, ()).map_err(|_| Reason::TooMany)
    }
}

impl Default for ReplayStore {
    fn default() -> Self {
        Self::new()
    }
}
