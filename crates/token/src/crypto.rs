//! The cryptographic library, behind the few operations that tokens need. No other module of this crate uses it, so that
//! a library with the same interface (aws-lc-rs) could replace it here.

mod es256;

use ring::{
    aead::{self, AES_256_GCM, Aad, LessSafeKey},
    digest, hkdf, hmac,
};
use zeroize::Zeroizing;

pub(crate) use self::es256::{P256KeyPair, Signer, Verifier};
pub(crate) use ring::rand::SecureRandom;

/// 256 bits, zeroed on drop.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// An unspecified cryptographic error. It deliberately carries no reason, so that none can leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CryptoError;

impl From<ring::error::Unspecified> for CryptoError {
    fn from(_: ring::error::Unspecified) -> Self {
        CryptoError
    }
}

/// `N` random bytes.
pub(crate) fn random<const N: usize>(rng: &dyn SecureRandom) -> Result<[u8; N], CryptoError> {
    let mut bytes = [0; N];
    rng.fill(&mut bytes)?;
    Ok(bytes)
}

/// The SHA-256 of `bytes`: detects a changed file without keeping a copy of it.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha256_of([bytes])
}

/// The SHA-256 of `parts`, concatenated.
pub(crate) fn sha256_of<const N: usize>(parts: [&[u8]; N]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.into_iter().for_each(|part| context.update(part));
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// HMAC-SHA256.
pub(crate) struct Mac(hmac::Key);

impl Mac {
    pub(crate) fn new(key: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()))
    }

    pub(crate) fn tag(&self, message: &[u8]) -> hmac::Tag {
        hmac::sign(&self.0, message)
    }
}

/// The pseudorandom key that HKDF-SHA256 extracts from a key and a salt (RFC 5869, section 2.2).
pub(crate) struct Prk(hkdf::Prk);

#[cfg(test)]
thread_local! {
    /// Number of subkeys that this thread derived.
    pub(crate) static DERIVED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Prk {
    pub(crate) fn new(salt: &[u8; 16], key: &Secret) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(key.as_slice()))
    }

    /// Expands to the AES-256-GCM key for `info`, whose parts are concatenated (RFC 5869, section 2.3).
    pub(crate) fn expand(&self, info: &[&[u8]]) -> Result<Subkey, CryptoError> {
        #[cfg(test)]
        DERIVED.set(DERIVED.get() + 1);
        let key = self.0.expand(info, &AES_256_GCM)?;
        Ok(Subkey(LessSafeKey::new(key.into())))
    }

    /// The same key as bytes.
    pub(crate) fn expand_bytes(&self, info: &[&[u8]]) -> Result<Secret, CryptoError> {
        struct Bits256;
        impl hkdf::KeyType for Bits256 {
            fn len(&self) -> usize {
                32
            }
        }
        let mut bytes = Secret::default();
        self.0.expand(info, Bits256)?.fill(bytes.as_mut_slice())?;
        Ok(bytes)
    }
}

/// An AES-256-GCM key. The caller guarantees that no nonce is used twice.
pub(crate) struct Subkey(LessSafeKey);

impl Subkey {
    /// Encrypts `text` in place; returns the tag over the ciphertext and `header`.
    pub(crate) fn seal(
        &self,
        nonce: [u8; 12],
        header: &[u8],
        text: &mut [u8],
    ) -> Result<aead::Tag, CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        Ok(self.0.seal_in_place_separate_tag(nonce, Aad::from(header), text)?)
    }

    /// Decrypts ciphertext and tag in place, authenticated with `header`.
    pub(crate) fn open<'a>(
        &self,
        nonce: [u8; 12],
        header: &[u8],
        text_and_tag: &'a mut [u8],
    ) -> Result<&'a [u8], CryptoError> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        Ok(self.0.open_in_place(nonce, Aad::from(header), text_and_tag)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_subkey_are_the_subkey() {
        let prk = Prk::new(&[1; 16], &Secret::new([2; 32]));
        let bytes = prk.expand_bytes(&[b"a", b"b"]).unwrap();
        let same = LessSafeKey::new(aead::UnboundKey::new(&AES_256_GCM, bytes.as_slice()).unwrap());
        let mut text = *b"text";
        let tag = prk.expand(&[b"ab"]).unwrap().seal([0; 12], b"header", &mut text).unwrap();
        let mut sealed = [text.as_slice(), tag.as_ref()].concat();
        assert_eq!(Subkey(same).open([0; 12], b"header", &mut sealed), Ok(b"text".as_slice()));
    }

    #[test]
    fn hkdf_is_that_of_rfc_5869() {
        // Its test cases have salts and keys of other lengths; this one is from another library.
        let salt: [u8; 16] = std::array::from_fn(|i| i as u8);
        let key = Secret::new(std::array::from_fn(|i| 0x80 + i as u8));
        let bytes = Prk::new(&salt, &key).expand_bytes(&[b"info"]).unwrap();
        assert_eq!(
            hex::encode(bytes.as_slice()),
            "79fcfdb9cd022bd3d28f3ee9b54512d01215b9102e5531048082e31b52c9ccde"
        );
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        // Its test case 4 has a key of 25 bytes; zeros up to the block change nothing.
        let mut key = Secret::default();
        for (byte, value) in key.iter_mut().zip(1..=25) {
            *byte = value;
        }
        let tag = Mac::new(&key).tag(&[0xcd; 50]);
        assert_eq!(
            hex::encode(tag.as_ref()),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        );
    }
}
