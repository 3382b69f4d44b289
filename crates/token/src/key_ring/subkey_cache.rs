//! A bounded cache of derived subkeys: to derive one takes as long as to seal with it.
//!
//! Only our own subkeys are cached: of a deployment that a token is made for, or of a token that proved authentic. So
//! requests with invented names evict nothing. The cryptographic library does not wipe its keys, neither the cached ones
//! nor those that are used once.

use std::{hash::Hash, sync::Arc};

use quick_cache::sync::Cache;
use shared_types::DeploymentKey;

use crate::crypto::Subkey;

/// The capacity. A subkey takes about 800 bytes.
const CAPACITY: usize = 16_384;

/// A subkey and the tokens that it is for.
pub(super) struct SubkeyEntry {
    /// The encoded header of its tokens.
    pub(super) header: Box<str>,
    /// The deployment of its tokens.
    pub(super) deployment: Option<DeploymentKey>,
    pub(super) subkey: Subkey,
}

/// Subkeys by what their tokens have in common.
pub(super) type SubkeyCache<K> = Cache<K, Arc<SubkeyEntry>>;

/// An empty cache.
pub(super) fn empty<K: Hash + Eq>() -> SubkeyCache<K> {
    Cache::new(CAPACITY)
}
