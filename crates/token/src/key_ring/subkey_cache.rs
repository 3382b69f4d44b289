//! A bounded cache of derived subkeys: to derive one takes as long as to seal with it.
//!
//! A fixed-size two-way cache: a name maps to two slots, and a new entry that finds both taken evicts the first. Of ten
//! thousand names used in turn seven of eight stay cached; with very many, a subkey is derived for each token, as if there
//! were no cache. Only our own subkeys are cached: of a deployment that a token is made for, or of a token that proved
//! authentic. So requests with invented names evict nothing. The cryptographic library does not wipe its keys, neither the
//! cached ones nor those that are used once.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use shared_types::DeploymentKey;

use crate::crypto::Subkey;

/// The capacity. A subkey takes about 800 bytes, a slot 8.
const SLOTS: usize = 16_384;

/// A subkey and the tokens that it is for.
pub(super) struct SubkeyEntry {
    /// The encoded header of its tokens.
    pub(super) header: Box<str>,
    /// The deployment of its tokens.
    pub(super) deployment: Option<DeploymentKey>,
    pub(super) subkey: Subkey,
}

/// The slots, empty at first.
pub(super) struct SubkeyCache(Box<[ArcSwapOption<SubkeyEntry>]>);

/// A cached subkey, valid even after its eviction.
pub(super) struct CachedSubkey(Guard<Option<Arc<SubkeyEntry>>>);

impl CachedSubkey {
    pub(super) fn entry(&self) -> Option<&SubkeyEntry> {
        self.0.as_deref()
    }
}

impl Default for SubkeyCache {
    fn default() -> Self {
        Self((0..SLOTS).map(|_| ArcSwapOption::empty()).collect())
    }
}

impl SubkeyCache {
    /// The cached subkey of `name` that matches `is_it`.
    pub(super) fn get(&self, name: &str, is_it: impl Fn(&SubkeyEntry) -> bool) -> Option<CachedSubkey> {
        let mut slots = self.slots(name).into_iter().map(ArcSwapOption::load);
        slots.find(|entry| entry.as_deref().is_some_and(&is_it)).map(CachedSubkey)
    }

    /// Caches the entry of `name`: in an empty slot if there is one.
    pub(super) fn insert(&self, name: &str, entry: SubkeyEntry) {
        let slots = self.slots(name);
        let [first, _] = slots;
        let slot = slots.into_iter().find(|slot| slot.load().is_none()).unwrap_or(first);
        slot.store(Some(Arc::new(entry)));
    }

    #[allow(clippy::indexing_slicing, reason = "a remainder is less than the divisor")]
    fn slots(&self, name: &str) -> [&ArcSwapOption<SubkeyEntry>; 2] {
        let hash = hash(name);
        [hash, hash >> 32].map(|half| &self.0[half as usize % self.0.len()])
    }
}

/// Hashes a name, of which each half selects a slot. Names differ towards their end, so the hash starts there.
fn hash(name: &str) -> u64 {
    name.as_bytes().rchunks(8).fold(0u64, |hash, chunk| {
        let bits = chunk.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        // Spreads every bit over the upper half, and that over the lower one (Fibonacci hashing).
        let spread = (hash ^ bits).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        spread ^ spread >> 32
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Prk, Secret};

    #[test]
    fn most_of_ten_thousand_names_used_in_turn_stay_cached() {
        let prk = Prk::new(&[0; 16], &Secret::from([0; 32]));
        for prefix in ["CV0000000000000000000000000000", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwi"] {
            let (cache, mut derived) = (SubkeyCache::default(), 0);
            for round in 0..3 {
                derived = 0;
                for number in 0..10_000 {
                    let name = format!("{prefix}{number:04x}");
                    let is_it = |entry: &SubkeyEntry| *entry.header == *name;
                    if cache.get(&name, is_it).is_none() {
                        derived += 1;
                        let subkey = prk.expand(&[]).unwrap();
                        cache.insert(
                            &name,
                            SubkeyEntry { header: name.as_str().into(), deployment: None, subkey },
                        );
                    }
                }
                assert!(round > 0 || derived == 10_000);
            }
            assert!(derived < 1500, "{derived}");
        }
    }
}
