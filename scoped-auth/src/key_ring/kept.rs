//! Subkeys that are kept for the next token of their deployment, since to derive one takes as long as to seal with it.
//!
//! A bounded number is kept, each in the one place that its name leads to, until the next of that place puts it out:
//! with very many deployments a subkey is derived for each token, as if none were kept. Only what is ours is kept, for a
//! deployment that a token is made for, or of a token that has proved authentic; so no stranger, who can ask for what
//! is not there, puts out what is. The library does not wipe its keys, neither these nor those that are used once.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};
use shared_types::DeploymentKey;

use crate::crypto::Subkey;

/// How many are kept.
const PLACES: usize = 4096;

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

impl Default for Kept {
    fn default() -> Self {
        Self((0..PLACES).map(|_| ArcSwapOption::empty()).collect())
    }
}

impl Kept {
    /// What is kept in the place of `name`: that of another name, maybe.
    pub(super) fn at(&self, name: &str) -> Guard<Option<Arc<Named>>> {
        self.place(name).load()
    }

    /// Keeps `named` in the place of `name`.
    pub(super) fn keep(&self, name: &str, named: Named) {
        self.place(name).store(Some(Arc::new(named)));
    }

    #[allow(clippy::indexing_slicing, reason = "what is left of a division by the length is below it")]
    fn place(&self, name: &str) -> &ArcSwapOption<Named> {
        &self.0[hash(name) as usize % self.0.len()]
    }
}

/// Names differ towards their end. A short one is hashed whole.
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

    #[test]
    fn names_of_a_kind_are_spread_over_the_places() {
        for prefix in ["CV0000000000000000000000000000", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwi"] {
            let mut used = [false; PLACES];
            for number in 0..4 * PLACES {
                used[hash(&format!("{prefix}{number:04x}")) as usize % PLACES] = true;
            }
            // Four times as many balls as places leave 2 % empty.
            let empty = used.iter().filter(|used| !**used).count();
            assert!(empty < PLACES / 20, "{empty}");
        }
    }
}
