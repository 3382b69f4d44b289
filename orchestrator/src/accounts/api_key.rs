//! API keys of an account, for the servers of a desk (contract, section 11). `accounts.toml` holds the SHA-256 of a secret:
//! 32 random bytes cannot be guessed from it, so the file needs no slower hash.

use std::{fmt, num::NonZeroU32};

use hex::FromHex as _;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use shared_types::{AccountSid, ApiKeySid};
use subtle::ConstantTimeEq as _;

use super::limits::number;

/// An API key of an account.
#[derive(Clone, Copy, Debug)]
pub struct ApiKey {
    /// Its sid, the user name of Basic authentication.
    pub sid: ApiKeySid,
    /// The only account that it reaches.
    pub account_sid: AccountSid,
    /// The digest of its secret.
    pub secret: SecretDigest,
    /// What it may do.
    pub scopes: Scopes,
    /// Its rate limit.
    pub calls_per_minute: NonZeroU32,
}

/// Default of `calls_per_minute`.
pub(super) const DEFAULT_CALLS_PER_MINUTE: NonZeroU32 = number(600);

/// SHA-256 of a secret. Not printed.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub struct SecretDigest([u8; 32]);

/// What an API key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Read conversations and messages.
    Read,
    /// Write messages, and change and close conversations.
    Write,
    /// Erase conversations and messages.
    Erase,
}

/// The scopes of an API key: at least one.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<Scope>")]
pub struct Scopes(u8);

impl SecretDigest {
    /// A digest of no known secret, to compare with if there is no key.
    pub(super) const NONE: Self = Self([0; 32]);

    /// The digest of a secret.
    pub fn of(secret: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, secret).as_ref());
        Self(bytes)
    }

    /// Whether this is the digest of `secret`. Compared in constant time.
    pub fn matches(&self, secret: &[u8]) -> bool {
        self.0.ct_eq(&Self::of(secret).0).into()
    }

    /// The 64 hexadecimal digits of the file.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(…)")
    }
}

impl TryFrom<String> for SecretDigest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let expected = "expected 64 hexadecimal digits, the SHA-256 of the secret";
        <[u8; 32]>::from_hex(text).map(Self).map_err(|_| expected)
    }
}

impl Scope {
    /// All scopes, in the order in which they are listed.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Erase];

    /// The name, as in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
            Scope::Erase => "erase",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl Scopes {
    /// The given scopes; `None` if there are none.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Option<Self> {
        let bits = scopes.into_iter().fold(0, |bits, scope| bits | scope.bit());
        (bits != 0).then_some(Self(bits))
    }

    /// Whether this scope is among them.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The scopes, without duplicates.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }
}

/// Read and write.
impl Default for Scopes {
    fn default() -> Self {
        Self(Scope::Read.bit() | Scope::Write.bit())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl TryFrom<Vec<Scope>> for Scopes {
    type Error = &'static str;

    fn try_from(scopes: Vec<Scope>) -> Result<Self, &'static str> {
        Self::new(scopes).ok_or("expected at least one of \"read\", \"write\" and \"erase\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf abc | sha256sum`
    const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_digest_matches_its_secret_only() {
        for text in [DIGEST.to_owned(), DIGEST.to_uppercase()] {
            let digest = SecretDigest::try_from(text).unwrap();
            assert!(digest.matches(b"abc"));
            for other in ["", "ab", "abd", "abcd", DIGEST] {
                assert!(!digest.matches(other.as_bytes()), "{other}");
            }
            assert_eq!(digest.to_hex(), DIGEST);
        }
    }

    #[test]
    fn malformed_digests_are_rejected_and_not_repeated() {
        let sign = format!("+{}", &DIGEST[1..]);
        for text in ["", "abc", &DIGEST[1..], &format!("{DIGEST}0"), &sign, &DIGEST.replace('b', "ü")] {
            let error = SecretDigest::try_from(text.to_owned()).unwrap_err();
            assert_eq!(error, "expected 64 hexadecimal digits, the SHA-256 of the secret");
        }
    }

    #[test]
    fn digests_do_not_print() {
        let digest = SecretDigest::of(b"abc");
        assert_eq!(format!("{digest:?}"), "SecretDigest(…)");
    }

    #[test]
    fn scopes_are_those_listed() {
        let both = Scopes::new([Scope::Erase, Scope::Read, Scope::Read]).unwrap();
        assert_eq!(both.iter().collect::<Vec<_>>(), [Scope::Read, Scope::Erase]);
        assert!(!both.contains(Scope::Write));
        assert_eq!(format!("{:?}", Scopes::default()), "{Read, Write}");
        assert_eq!(Scopes::new([]), None);
    }
}
