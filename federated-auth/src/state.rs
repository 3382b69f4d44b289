//! State shared by the handlers of one worker.

use crate::clients::ScopedAuthClient;

/// What the handlers of one worker work with.
pub struct State {
    /// `FAS ->> SAS`
    pub scoped_auth: ScopedAuthClient,
    /// How long a token lives, in seconds.
    pub token_ttl_seconds: u32,
}
