//! The durations that sessions are governed by.

use std::time::Duration;

/// How long sessions live and how their tokens follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a session lives, from its `auth_time`.
    pub session_max: Duration,
    /// How long after its successor was made a replaced token still gets that same successor: the response was lost, or
    /// another tab refreshed at the same time.
    pub grace: Duration,
    /// How long after its `exp` a token may be refreshed by the browser or the key that it is bound to.
    pub resume_window: Duration,
    /// The maximum age of this replica's revocation list; beyond it every token is rejected.
    pub staleness: Duration,
    /// How long revocations are kept, so that the identity of a revoked session is not granted again.
    pub revocation_retention: Duration,
    /// How long the store may take for a request. Less than FederatedAuthService waits, so that it gets the error and
    /// when to try again.
    pub store_timeout: Duration,
}

/// The defaults of the settings.
impl Default for Rules {
    fn default() -> Self {
        Self {
            session_max: Duration::from_secs(24 * 3600),
            grace: Duration::from_secs(60),
            resume_window: Duration::from_secs(24 * 3600),
            staleness: Duration::from_secs(30),
            revocation_retention: Duration::from_secs(30 * 24 * 3600),
            store_timeout: Duration::from_millis(800),
        }
    }
}
