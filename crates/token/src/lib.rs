//! Session tokens: compact JWE and JWS, their claims, and the keys that make and open them; and guest assertions, which
//! are signed with the same keys. Pure but for the key file:
//! time and randomness are arguments, and there is no HTTP and no SQL here. ScopedAuthService is the only participant
//! that links it; everyone else passes tokens on unread.

pub mod assertion;
pub mod claims;
mod crypto;
pub mod jose;
pub mod key_file;
pub mod key_ring;

pub use crypto::sha256;

/// The committed test vectors (`scoped-auth/tests/vectors/README.md`).
#[cfg(test)]
mod vectors {
    /// enc-1 active, enc-2 next, enc-3 retired; sig-1 active, sig-2 next.
    pub(crate) const KEYS: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scoped-auth/tests/vectors/keys.json"));
    /// Tokens that must not open.
    pub(crate) const BAD: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scoped-auth/tests/vectors/bad.json"));
}
