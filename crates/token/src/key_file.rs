//! The key file: a JWK Set (RFC 7517, section 5) with the keys that seal and sign tokens. An error is one line that quotes
//! nothing of the file, so that no mistake writes a key to a log.

mod change;
mod create;
mod disk;
mod jwk;
mod rotation;

use std::{fmt, fs, io, path::Path};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

pub(crate) use self::jwk::write_subkey;
pub use self::{
    change::ChangeError,
    rotation::{Activation, Force, KNOWN_AFTER, PUBLISHED_BEFORE, Removal, RotationError, known_after},
};
use crate::crypto::{CryptoError, P256KeyPair, Secret};

/// The parsed keys of ScopedAuthService. [`crate::key_ring::KeyRing`] makes and opens tokens with them.
///
/// Each key has a unique `kid`; exactly one of use `enc` and one of use `sig` is active. The key of the audit log is
/// optional.
///
/// ```json
/// {"keys": [
///   {"kty":"oct","use":"enc","alg":"dir","kid":"enc-1","k":"<32 bytes>","status":"active","made_at":1795176000},
///   {"kty":"oct","use":"enc","alg":"dir","kid":"enc-0","k":"<32 bytes>","status":"retired","opens_until":1795262415},
///   {"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"sig-1","x":"<32 bytes>","y":"<32 bytes>",
///    "d":"<32 bytes>","status":"active"},
///   {"kty":"oct","use":"audit","alg":"HS256","kid":"audit-1","k":"<32 bytes>","status":"active"}]}
/// ```
///
/// Bytes are base64url; times are whole seconds since 1970 (`NumericDate`, RFC 7519, section 2) and optional: a key without
/// `made_at` counts as the oldest, a retired one without `opens_until` opens until it is removed.
pub struct KeyFile {
    pub(crate) keys: Vec<Key>,
    /// Unknown members of the set, preserved by a change.
    others: Map<String, Value>,
}

/// A key of the file.
pub(crate) struct Key {
    /// Its position in the file, from 1, for error messages.
    pub(crate) position: usize,
    pub(crate) info: KeyInfo,
    pub(crate) material: Material,
    /// Unknown members of the key, preserved by a change.
    others: Map<String, Value>,
}

/// The public information on a key: everything but its material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The key's name.
    pub kid: String,
    /// Its use.
    pub usage: Use,
    /// Its status.
    pub status: Status,
    /// When it was made, if known.
    pub made_at: Option<DateTime<Utc>>,
    /// When a retired key expires.
    pub opens_until: Option<DateTime<Utc>>,
}

/// The use of a key. It determines the key's only algorithm (RFC 8725, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// Encrypts tokens.
    Encryption,
    /// Signs tokens.
    Signing,
    /// Hashes the session ids of the audit log.
    Audit,
}

/// The status of a key. Every listed key opens tokens, and every listed signing key is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Makes no tokens yet.
    Next,
    /// Makes tokens.
    Active,
    /// Makes no more tokens, and opens them until it expires.
    Retired,
}

pub(crate) enum Material {
    Encryption(Secret),
    Signing(P256KeyPair),
    Audit(Secret),
}

impl KeyFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or for the reasons of [`KeyFile::parse`].
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let json = Zeroizing::new(fs::read(path).map_err(KeyFileError::Read)?);
        Self::parse(&json)
    }

    /// Parses a JWK Set. Unknown members and a leading byte order mark are ignored.
    ///
    /// # Errors
    ///
    /// If it is not the JSON that is described above, a key is of another type, a `kid` is duplicate, or not exactly one
    /// key of each use is active.
    pub fn parse(json: &[u8]) -> Result<Self, KeyFileError> {
        let json = json.strip_prefix("\u{feff}".as_bytes()).unwrap_or(json);
        let jwk::Set { keys, others } = jwk::parse_set(json)?;
        let mut file = Self { keys: Vec::with_capacity(keys.len()), others };
        for (index, jwk) in keys.into_iter().enumerate() {
            let position = index + 1;
            let key = jwk.parse(position).map_err(|problem| KeyFileError::Key { position, problem })?;
            if file.key(&key.info.kid).is_some() {
                return Err(KeyFileError::Key { position, problem: "its `kid` is that of an earlier key" });
            }
            file.keys.push(key);
        }
        if file.of(Use::Encryption).filter(|key| key.info.status == Status::Active).count() != 1 {
            return Err(KeyFileError::Set("not exactly one key of use `enc` is active"));
        }
        if file.of(Use::Signing).filter(|key| key.info.status == Status::Active).count() != 1 {
            return Err(KeyFileError::Set("not exactly one key of use `sig` is active"));
        }
        if file.of(Use::Audit).any(|key| key.info.status != Status::Active) || file.of(Use::Audit).count() > 1
        {
            return Err(KeyFileError::Set("more than one key of use `audit`, or one that is not active"));
        }
        Ok(file)
    }

    /// The public information on the keys, in the file's order.
    pub fn key_infos(&self) -> impl Iterator<Item = &KeyInfo> {
        self.keys.iter().map(|key| &key.info)
    }

    pub(crate) fn of(&self, usage: Use) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| key.info.usage == usage)
    }

    fn key(&self, kid: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.info.kid == kid)
    }
}

impl KeyInfo {
    /// Whether it is retired and has expired at `now`: it opens no more tokens.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.status == Status::Retired && self.opens_until.is_some_and(|end| end <= now)
    }
}

impl Use {
    /// The JWK's `use`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Use::Encryption => "enc",
            Use::Signing => "sig",
            Use::Audit => "audit",
        }
    }

    /// The JWK's `alg`.
    pub const fn algorithm(self) -> &'static str {
        match self {
            Use::Encryption => "dir",
            Use::Signing => "ES256",
            Use::Audit => "HS256",
        }
    }
}

impl Status {
    /// The JWK's `status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Next => "next",
            Status::Active => "active",
            Status::Retired => "retired",
        }
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFile(…)")
    }
}

/// An error of the key file, in one line that quotes nothing of the file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("the key file cannot be read: {0}")]
    Read(#[source] io::Error),
    /// It cannot be created; an existing file is left unchanged.
    #[error("the key file cannot be created: {0}")]
    Create(#[source] io::Error),
    /// It cannot be replaced, and is unchanged.
    #[error("the key file cannot be changed: {0}")]
    Change(#[source] io::Error),
    /// It is not JSON, or not a JWK Set.
    #[error("line {line}, column {column} of the key file: {problem}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What was expected.
        problem: &'static str,
    },
    /// One of its keys is invalid.
    #[error("key {position} of the key file: {problem}")]
    Key {
        /// Its position in the file, from 1.
        position: usize,
        /// The problem.
        problem: &'static str,
    },
    /// Its keys are not a usable set.
    #[error("the key file: {0}")]
    Set(&'static str),
    /// The random generator or the cryptographic library failed.
    #[error("generating a key failed")]
    Randomness,
}

impl From<CryptoError> for KeyFileError {
    fn from(_: CryptoError) -> Self {
        KeyFileError::Randomness
    }
}

#[cfg(test)]
mod tests;
