//! Subkeys that are kept for the next token of their deployment, since to derive one takes as long as to seal with it.
//!
//! A bounded number is kept, each in one of the two places that its name leads to, until another that leads there puts it
//! out: of ten thousand that are used in turn, seven of eight are kept, and with very many a subkey is derived for each token,
//! as if none were kept. Only what is ours is kept, for a deployment that a token is made for, or of a token that has
//! proved authentic; so no stranger, who can ask for what is not there, puts out what is. The library does not wipe its
//! keys, neither these nor those that are used once.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use shared_types::DeploymentKey;

use crate::crypto::Subkey;

/// How many are kept at most. A subkey takes about 800 bytes, and its place 8.
const PLACES: usize = 16_384;

/// A subkey and what it is for.
pub(super) struct Named {
    /// The header of its tokens, as it is written in them.
    pub(super) header: Box<str>,
    /// The deployment of its tokens.
    pub(super) deployment: Option<DeploymentKey>,
    pub(super) subkey: Subkey,
}

/// The places, none of which holds anything at first.
pub(super) struct Kept(Box<[ArcSwapOption<Named>]>);

/// A subkey that was found: it stays as long as this does, whoever puts it out.
pub(super) struct Found(Guard<Option<Arc<Named>>>);

impl Found {
    pub(super) fn named(&self) -> Option<&Named> {
        self.0.as_deref()
    }
}

impl Default for Kept {
    fn default() -> Self {
        Self((0..PLACES).map(|_| ArcSwapOption::empty()).collect())
    }
}

impl Kept {
    /// The subkey of `name` that `is_it` knows, if it is kept.
    pub(super) fn find(&self, name: &str, is_it: impl Fn(&Named) -> bool) -> Option<Found> {
        let mut found = self.places(name).into_iter().map(ArcSwapOption::load);
        found.find(|kept| kept.as_deref().is_some_and(&is_it)).map(Found)
    }

    /// Keeps `named`, which is of `name`: in an empty place, if there is one.
    pub(super) fn keep(&self, name: &str, named: Named) {
        let places = self.places(name);
        let [first, _] = places;
        let place = places.into_iter().find(|place| place.load().is_none()).unwrap_or(first);
        place.store(Some(Arc::new(named)));
    }

    #[allow(clippy::indexing_slicing, reason = "what is left of a division by the length is below it")]
    fn places(&self, name: &str) -> [&ArcSwapOption<Named>; 2] {
        let hash = hash(name);
        [hash, hash >> 32].map(|half| &self.0[half as usize % self.0.len()])
    }
}

/// Names differ towards their end. A short one is hashed whole. Each half leads to a place.
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
    use crate::crypto::{Extracted, Secret};

    #[test]
    fn most_of_ten_thousand_that_are_used_in_turn_are_kept() {
        let extracted = Extracted::new(&[0; 16], &Secret::from([0; 32]));
        for prefix in ["CV0000000000000000000000000000", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwi"] {
            let (kept, mut derived) = (Kept::default(), 0);
            for round in 0..3 {
                derived = 0;
                for number in 0..10_000 {
                    let name = format!("{prefix}{number:04x}");
                    let is_it = |named: &Named| *named.header == *name;
                    if kept.find(&name, is_it).is_none() {
                        derived += 1;
                        let subkey = extracted.expand(&[]).unwrap();
                        kept.keep(&name, Named { header: name.as_str().into(), deployment: None, subkey });
                    }
                }
                assert!(round > 0 || derived == 10_000);
            }
            assert!(derived < 1500, "{derived}");
        }
    }
}
