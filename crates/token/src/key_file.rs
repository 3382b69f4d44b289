//! The key file: a JWK Set (RFC 7517, section 5) with the keys that seal and sign tokens. Whatever is wrong with one is
//! said in one line that repeats nothing of it, so that no mistake brings a key into a log.

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
    rotation::{Activated, Force, KNOWN_AFTER, Retired, RotationError},
};
use crate::crypto::{CryptoError, P256KeyPair, Secret};

/// The keys of ScopedAuthService, read and well formed; [`crate::key_ring::KeyRing`] makes them usable.
///
/// Each has a `kid` of its own; exactly one for encryption and one for signatures is active. The key for the audit log
/// may be missing.
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
/// Bytes are base64url; times are whole seconds since 1970 (`NumericDate`, RFC 7519, section 2) and may be missing:
/// a key without `made_at` is older than any other, a retired one without `opens_until` opens until it is removed.
pub struct KeyFile {
    pub(crate) keys: Vec<Key>,
    /// The set's members that are not ours, which a change leaves as they are.
    others: Map<String, Value>,
}

/// A key of the file.
pub(crate) struct Key {
    /// Where in the file it stands, from 1, for whoever has to find it.
    pub(crate) position: usize,
    pub(crate) info: KeyInfo,
    pub(crate) material: Material,
    /// Its members that are not ours.
    others: Map<String, Value>,
}

/// What may be told of a key: everything but the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its name.
    pub kid: String,
    /// What it is for.
    pub usage: Use,
    /// What it does at present.
    pub status: Status,
    /// When it was made, if the file says so.
    pub made_at: Option<DateTime<Utc>>,
    /// Until when it opens: of a retired key.
    pub opens_until: Option<DateTime<Utc>>,
}

/// What a key is for; the one algorithm that it is used with goes with that (RFC 8725, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// Encrypts tokens.
    Encryption,
    /// Signs tokens.
    Signing,
    /// Hides session ids in the audit log.
    Audit,
}

/// What a key does. Every listed key opens, and a signing key is published from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Makes no tokens yet.
    Next,
    /// Makes tokens.
    Active,
    /// Makes no tokens any more, and opens them until its time is over.
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

    /// Reads a JWK Set. Members that RFC 7517 and this type do not name are passed over.
    ///
    /// # Errors
    ///
    /// If it is not the JSON that is described above, or a key is of another type, or a `kid` stands twice, or not
    /// exactly one key of each use is active.
    pub fn parse(json: &[u8]) -> Result<Self, KeyFileError> {
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

    /// What may be told of the keys, in the file's order.
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
    /// Whether it is retired and its time over at `now`: then it opens nothing any more.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
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

/// What is wrong with a key file, in one line without anything that stands in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("the key file cannot be read: {0}")]
    Read(#[source] io::Error),
    /// It cannot be made; one that is already there is left as it is.
    #[error("the key file cannot be made: {0}")]
    Create(#[source] io::Error),
    /// It cannot be replaced, and is as it was.
    #[error("the key file cannot be changed: {0}")]
    Change(#[source] io::Error),
    /// It is not JSON, or its JSON does not have the shape of a JWK Set.
    #[error("line {line}, column {column} of the key file: {problem}")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What was expected.
        problem: &'static str,
    },
    /// One of its keys is of no use.
    #[error("key {position} of the key file: {problem}")]
    Key {
        /// Where it stands in the file, from 1.
        position: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Its keys do not make a set that tokens can be made with.
    #[error("the key file: {0}")]
    Set(&'static str),
    /// The system gave no randomness, or the cryptographic library refused.
    #[error("no key could be made")]
    Randomness,
}

impl From<CryptoError> for KeyFileError {
    fn from(_: CryptoError) -> Self {
        KeyFileError::Randomness
    }
}

#[cfg(test)]
mod tests;
