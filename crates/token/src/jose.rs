//! The token on the wire: compact JWE (RFC 7516, section 7.1) and compact JWS (RFC 7515, section 7.1), each in the one
//! spelling that the contract allows (section 7). Keys are the caller's: nothing here chooses one, and the key that is
//! chosen decides the algorithm, never the header (RFC 8725, section 3.1).

pub(crate) mod base64url;
pub(crate) mod header;
pub(crate) mod jwe;
pub(crate) mod jws;
pub(crate) mod kid;

use memchr::memchr_iter;

/// The two forms of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFormat {
    /// JWE, `dir` and `A256GCM`: only ScopedAuthService reads it.
    Encrypted,
    /// JWS, `ES256`: anyone reads it and checks it with the published keys.
    Signed,
}

impl TokenFormat {
    /// The form that the number of parts of `token` says (RFC 7516, section 9): what does not have the parts of a
    /// signed token is refused like an encrypted one, if it is not one.
    pub(crate) fn of(token: &str) -> Self {
        match memchr_iter(b'.', token.as_bytes()).take(3).count() {
            2 => TokenFormat::Signed,
            _ => TokenFormat::Encrypted,
        }
    }
}

/// Not an authentic token of ours. It says nothing more, so that whoever tries tokens learns nothing from the answers
/// (RFC 7516, section 11.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an authentic token")]
pub struct Unauthentic;

/// Why no token was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The grants are so large that the token would be longer than any that is accepted.
    #[error("the token would be longer than 8192 characters")]
    TooLong,
    /// The system gave no randomness, or the cryptographic library refused.
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
    fn the_parts_decide_the_form() {
        assert_eq!(TokenFormat::of("a.b.c"), TokenFormat::Signed);
        for other in ["a..c.d.e", "", "a", "a.b", "a.b.c.d", "a.b.c.d.e.f", &".".repeat(8000)] {
            assert_eq!(TokenFormat::of(other), TokenFormat::Encrypted);
        }
    }
}
