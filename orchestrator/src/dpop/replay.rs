//! Replay detection: a proof is accepted once (RFC 9449, section 11.1).

use chrono::{DateTime, TimeDelta, Utc};
use shared_types::Thumbprint;

use super::{invalid_proof::ProofFailure, proof::MAX_SKEW};
use crate::expiring_map::ExpiringMap;

/// The proofs that this process accepted. One for all of its workers.
///
/// Memory is bounded: at [`CAPACITY`](Self::CAPACITY) further proofs are rejected until older ones expire. Early eviction
/// would instead let anyone who sends many proofs make a replay possible.
///
/// Replicas do not share it. A proof that one replica accepted can be replayed at another while it is fresh, for the same
/// method, route and token, and only with that token: it repeats the same request.
#[derive(Debug)]
pub struct ReplayStore(ExpiringMap<()>);

impl ReplayStore {
    /// Maximum number of proofs accepted in `KEEP_FOR`: 7,000 a second. In bytes: 19 MB at most.
    pub const CAPACITY: usize = 910_000;

    /// A proof is fresh from `MAX_SKEW` before its `iat` until `MAX_SKEW` after. The rest covers requests that overtake
    /// each other: a request's time is when its head arrived, and its body may take seconds.
    const KEEP_FOR: TimeDelta = TimeDelta::seconds(2 * MAX_SKEW.num_seconds() + 15);

    /// An empty store.
    pub fn new() -> Self {
        Self::with_capacity(Self::CAPACITY)
    }

    /// An empty store with this capacity instead of [`CAPACITY`](Self::CAPACITY).
    pub fn with_capacity(proofs: usize) -> Self {
        Self(ExpiringMap::new(Self::KEEP_FOR, proofs))
    }

    /// Number of stored proofs: at most twice the capacity.
    pub fn remembered(&self) -> usize {
        self.0.len()
    }

    /// Stores a proof, or fails if it is stored already. `jti` is scoped to its key, so the holder of another key cannot
    /// use it up.
    pub(super) fn insert(&self, key: &Thumbprint, jti: &str, now: DateTime<Utc>) -> Result<(), ProofFailure> {
        let proof = self.0.hash((key, jti));
        let mut shard = self.0.shard(proof, now);
        if shard.find(proof).is_some() {
            return Err(ProofFailure::Replayed);
        }
        shard.insert(proof, ()).map_err(|_| ProofFailure::TooMany)
    }
}

impl Default for ReplayStore {
    fn default() -> Self {
        Self::new()
    }
}
