//! State shared by the handlers of one worker.

use std::{fmt::Display, sync::Arc};

use arc_swap::Guard;
use service_runtime::random::Random;
use shared_types::{SealedToken, SessionId};

use crate::{
    claims::Claims,
    counters::Counters,
    jose::{Form, SealError, Unauthentic},
    key_ring::KeyRing,
    keys_follower::KeysFollower,
    sessions::Sessions,
};

/// What the handlers of one worker work with.
#[derive(Clone)]
pub struct State {
    /// The keys, as their file changes.
    pub keys: Arc<KeysFollower>,
    /// The life of sessions.
    pub sessions: Sessions,
    /// What is counted.
    pub counters: Counters,
    /// Randomness, for ids and signatures.
    pub random: Random,
}

impl State {
    /// The claims of a token, if it is authentic.
    pub fn open(&self, token: &SealedToken) -> Result<Claims, Unauthentic> {
        self.key_ring().open(token)
    }

    /// A token of these claims.
    pub fn seal(&self, claims: &Claims, form: Form) -> Result<SealedToken, SealError> {
        self.key_ring().seal(claims, form, self.random.source())
    }

    /// What the audit log calls a session.
    pub fn session_hash(&self, session: SessionId) -> impl Display {
        self.key_ring().session_hash(session)
    }

    /// The keys as they are now.
    pub fn key_ring(&self) -> Guard<Arc<KeyRing>> {
        self.keys.ring()
    }
}
