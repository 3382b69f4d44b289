//! State shared by the handlers of one worker.

use std::{fmt::Display, sync::Arc};

use arc_swap::Guard;
use service_runtime::random::Random;
use shared_types::{SealedToken, SessionId};
use token::{
    claims::Claims,
    jose::{SealError, TokenFormat, Unauthentic},
    key_ring::KeyRing,
};

use crate::{counters::Counters, keys_follower::KeysFollower, sessions::Sessions};

/// The shared state: keys, sessions, counters and randomness.
#[derive(Clone)]
pub struct State {
    /// The keys, reloaded when their file changes.
    pub keys: Arc<KeysFollower>,
    /// The sessions.
    pub sessions: Sessions,
    /// The counters.
    pub counters: Counters,
    /// The issuer of assertions; `None` signs none.
    pub issuer: Option<Arc<str>>,
    /// Randomness, for ids and signatures.
    pub random: Random,
}

impl State {
    /// Opens a token: its claims, if it is authentic.
    pub fn open(&self, token: &SealedToken) -> Result<Claims, Unauthentic> {
        self.key_ring().open(token)
    }

    /// Makes a token of these claims.
    pub fn seal(&self, claims: &Claims, form: TokenFormat) -> Result<SealedToken, SealError> {
        self.key_ring().seal(claims, form, self.random.source())
    }

    /// The keyed hash that identifies a session in the audit log.
    pub fn session_hash(&self, session: SessionId) -> impl Display {
        self.key_ring().session_hash(session)
    }

    /// The current keys.
    pub fn key_ring(&self) -> Guard<Arc<KeyRing>> {
        self.keys.ring()
    }
}
