//! The key file: a JWK Set (RFC 7517, section 5) with the keys that seal and sign tokens. Whatever is wrong with one is
//! said in one line that repeats nothing of it, so that no mistake brings a key into a log.

mod create;
mod jwk;

use std::{fmt, fs, io, path::Path};

use zeroize::Zeroizing;

pub(crate) use self::jwk::write_subkey;
use crate::crypto::{P256, Secret};

/// The keys of ScopedAuthService, read and well formed; [`crate::key_ring::KeyRing`] makes them usable.
///
/// Each has a `kid` of its own; exactly one for encryption and one for signatures is active.
///
/// ```json
/// {"keys": [
///   {"kty":"oct","use":"enc","alg":"dir","kid":"enc-1","k":"<32 bytes>","status":"active"},
///   {"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"sig-1","x":"<32 bytes>","y":"<32 bytes>",
///    "d":"<32 bytes>","status":"active"}]}
/// ```
///
/// Bytes are base64url. To replace a key: add one that is `next`, let every replica load it, make it `active` and the
/// old one `retired`, and remove that once no session is left that it served.
pub struct KeyFile {
    pub(crate) encryption: Vec<EncryptionKey>,
    pub(crate) signing: Vec<SigningKey>,
}

/// What a key does. Every listed key opens, and a signing key is published from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Makes no tokens yet.
    Next,
    /// Makes tokens.
    Active,
    /// Makes no tokens any more.
    Retired,
}

pub(crate) struct EncryptionKey {
    pub(crate) kid: String,
    pub(crate) status: Status,
    pub(crate) secret: Secret,
}

pub(crate) struct SigningKey {
    /// Where in the file it stands, from 1, for whoever has to find it.
    pub(crate) position: usize,
    pub(crate) kid: String,
    pub(crate) status: Status,
    pub(crate) pair: P256,
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
        let mut file = Self { encryption: Vec::new(), signing: Vec::new() };
        for (index, key) in jwk::parse_set(json)?.iter().enumerate() {
            let position = index + 1;
            let key = key.parse(position).map_err(|problem| KeyFileError::Key { position, problem })?;
            if file.kids().any(|kid| kid == key.kid()) {
                return Err(KeyFileError::Key { position, problem: "its `kid` is that of an earlier key" });
            }
            match key {
                jwk::Key::Encryption(key) => file.encryption.push(key),
                jwk::Key::Signing(key) => file.signing.push(key),
            }
        }
        let active = |status: Status| status == Status::Active;
        if file.encryption.iter().filter(|key| active(key.status)).count() != 1 {
            return Err(KeyFileError::Set("not exactly one key of use `enc` is active"));
        }
        if file.signing.iter().filter(|key| active(key.status)).count() != 1 {
            return Err(KeyFileError::Set("not exactly one key of use `sig` is active"));
        }
        Ok(file)
    }

    fn kids(&self) -> impl Iterator<Item = &str> {
        let encryption = self.encryption.iter().map(|key| key.kid.as_str());
        encryption.chain(self.signing.iter().map(|key| key.kid.as_str()))
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

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("../../tests/vectors/keys.json");
    const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn refusal(json: &str) -> String {
        KeyFile::parse(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_good_file_is_read() {
        let file = KeyFile::parse(GOOD.as_bytes()).unwrap();
        let statuses = |status| file.encryption.iter().filter(|key| key.status == status).count();
        assert_eq!([Status::Next, Status::Active, Status::Retired].map(statuses), [1, 1, 1]);
        assert_eq!(file.signing.len(), 2);
    }

    #[test]
    fn a_refusal_says_where_and_why_in_one_line_and_repeats_nothing() {
        for (good, bad, reason) in [
            ("\"keys\"", "\"kezs\"", "key file: expected"),
            (",", ";", "key file: not JSON"),
            (
                "\"kty\": \"oct\"",
                "\"kty\": \"RSA\"",
                "key 1 of the key file: its `kty` is neither `oct` nor `EC`",
            ),
            ("\"kty\": \"oct\",", "", "key 1 of the key file: its `kty` is missing"),
            ("\"use\": \"enc\"", "\"use\": \"sig\"", "key 1 of the key file: its `use` is not `enc`"),
            ("\"use\": \"sig\"", "\"use\": \"enc\"", "key 4 of the key file: its `use` is not `sig`"),
            ("\"alg\": \"dir\"", "\"alg\": \"A256GCM\"", "key 1 of the key file: its `alg` is not `dir`"),
            ("\"alg\": \"ES256\"", "\"alg\": \"HS256\"", "key 4 of the key file: its `alg` is not `ES256`"),
            ("\"crv\": \"P-256\"", "\"crv\": \"P-384\"", "key 4 of the key file: its `crv` is not `P-256`"),
            ("enc-1", "enc.1", "key 1 of the key file: its `kid` is not 1 to 32"),
            ("enc-1", "../1", "key 1 of the key file: its `kid` is not 1 to 32"),
            ("enc-2", "enc-1", "key 2 of the key file: its `kid` is that of an earlier key"),
            ("sig-1", "enc-1", "key 4 of the key file: its `kid` is that of an earlier key"),
            (SECRET, &SECRET[1..], "key 1 of the key file: its `k` is not 32 bytes of base64url"),
            (
                SECRET,
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9",
                "key 1 of the key file: its `k` is not 32",
            ),
            (
                "\"status\": \"next\"",
                "\"status\": \"new\"",
                "its `status` is none of `next`, `active` and `retired`",
            ),
            ("\"status\": \"active\"", "\"status\": \"next\"", "not exactly one key of use `enc` is active"),
            ("\"status\": \"next\"", "\"status\": \"active\"", "not exactly one key of use `enc` is active"),
            ("\"status\": \"active\"", "\"status\": true", "key file: expected a JWK Set"),
        ] {
            let refusal = refusal(&GOOD.replacen(good, bad, 1));
            assert!(refusal.contains(reason), "{refusal}");
            assert!(!refusal.contains('\n') && !refusal.contains(&SECRET[1..]), "{refusal}");
        }
        let no_signatures = GOOD.replace("\"status\": \"active\"", "\"status\": \"retired\"");
        let no_signatures = no_signatures.replacen("\"status\": \"retired\"", "\"status\": \"active\"", 1);
        assert!(refusal(&no_signatures).contains("not exactly one key of use `sig` is active"));
    }

    #[test]
    fn members_of_others_are_passed_over() {
        let json = GOOD.replacen("\"kty\"", "\"key_ops\": [\"encrypt\"], \"x5t\": 1, \"kty\"", 1);
        assert!(KeyFile::parse(json.as_bytes()).is_ok());
    }

    #[test]
    fn keys_do_not_print() {
        let file = KeyFile::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(format!("{file:?}"), "KeyFile(…)");
    }

    #[test]
    fn a_file_that_is_not_there_is_said_to_be_so() {
        let path = tempfile::tempdir().unwrap().path().join("keys.json");
        assert!(matches!(KeyFile::load(&path), Err(KeyFileError::Read(_))));
    }
}
