//! State shared by the handlers of one worker.

use crate::clients::ScopedAuthClient;

/// Per-worker state.
pub struct State {
    /// `FAS ->> SAS`
    pub scoped_auth: ScopedAuthClient,
    /// Lifetime of a token, in seconds.
    pub token_ttl_seconds: u32,
}
