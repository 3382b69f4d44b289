//! The token on the wire: compact JWE (RFC 7516, section 7.1) and compact JWS (RFC 7515, section 7.1), each in the one
//! encoding that the contract allows (section 7). The caller selects the key, and the key determines the algorithm, never
//! the header (RFC 8725, section 3.1).

pub(crate) mod base64url;
pub(crate) mod header;
pub(crate) mod jwe;
pub(crate) mod jws;
pub(crate) mod kid;

use memchr::memchr_iter;

/// The two formats of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFormat {
    /// JWE, `dir` and `A256GCM`: only ScopedAuthService can read it.
    Encrypted,
    /// JWS, `ES256`: readable by anyone, verifiable with the published keys.
    Signed,
}

impl TokenFormat {
    /// The format by the number of parts of `token` (RFC 7516, section 9): everything without the parts of a signed token
    /// is handled as an encrypted one.
    pub(crate) fn of(token: &str) -> Self {
        match memchr_iter(b'.', token.as_bytes()).take(3).count() {
            2 => TokenFormat::Signed,
            _ => TokenFormat::Encrypted,
        }
    }
}

/// Not an authentic token. It carries no reason, so that an attacker learns nothing from the response (RFC 7516, section
/// 11.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an authentic token")]
pub struct Unauthentic;

/// Why a token could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The grants do not fit into the maximum length of a token.
    #[error("the token would be longer than 8192 characters")]
    TooLong,
    /// The random generator or the cryptographic library failed.
    #[error("the token could not be sealed")]
    Crypto,
}

impl From<crate::crypto::CryptoError> for SealError {
    fn from(_: crate::crypto::CryptoError) -> Self {
        SealError::Crypto
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_parts_determines_the_format() {
        assert_eq!(TokenFormat::of("a.b.c"), TokenFormat::Signed);
        for other in ["a..c.d.e", "", "a", "a.b", "a.b.c.d", "a.b.c.d.e.f", &".".repeat(8000)] {
            assert_eq!(TokenFormat::of(other), TokenFormat::Encrypted);
        }
    }
}
