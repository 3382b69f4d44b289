//! Names of sessions for other services: a keyed hash, so that no other service learns a session's id. The key is derived
//! from the active fingerprint key, so every replica gives a session the same name. The names change with that key.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use shared_types::{SessionId, fingerprint::FingerprintKeys};

/// Separates the derived key from all other uses of the fingerprint keys.
const PURPOSE: &[u8] = b"webchat-session-name-v1";

/// Names sessions.
pub struct SessionNames(Option<hmac::Key>);

impl SessionNames {
    /// Names under a key derived from the active one of these.
    pub fn new(keys: &FingerprintKeys) -> Self {
        Self(keys.derive(PURPOSE).into_iter().next())
    }

    /// The name of a session: 43 characters of base64url. `None` without a key, which a key ring always has.
    pub fn of(&self, session: SessionId) -> Option<String> {
        let key = self.0.as_ref()?;
        Some(URL_SAFE_NO_PAD.encode(hmac::sign(key, session.as_bytes())))
    }
}

impl fmt::Debug for SessionNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionNames(…)")
    }
}
