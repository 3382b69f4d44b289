//! The cryptographic library, behind the few operations that tokens need. No other module of this crate uses it, so that
//! a library with the same interface (aws-lc-rs) could replace it here.

use ring::{
    aead::{self, AES_256_GCM, Aad, LessSafeKey},
    digest, hkdf, hmac,
    signature::{self, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use zeroize::Zeroizing;

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

impl Prk {
    pub(crate) fn new(salt: &[u8; 16], key: &Secret) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(key.as_slice()))
    }

    /// Expands to the AES-256-GCM key for `info`, whose parts are concatenated (RFC 5869, section 2.3).
    pub(crate) fn expand(&self, info: &[&[u8]]) -> Result<Subkey, CryptoError> {
        #[cfg(test)]
        work::count(|work| work.derived += 1);
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
        #[cfg(test)]
        work::count(|work| work.opened.push(text_and_tag.len()));
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        Ok(self.0.open_in_place(nonce, Aad::from(header), text_and_tag)?)
    }
}

/// A P-256 key pair as a JWK has it (RFC 7518, section 6.2).
pub(crate) struct P256KeyPair {
    pub(crate) x: [u8; 32],
    pub(crate) y: [u8; 32],
    pub(crate) d: Secret,
}

impl P256KeyPair {
    pub(crate) fn generate(rng: &dyn SecureRandom) -> Result<Self, CryptoError> {
        // The library exports a fresh private key only as a PKCS#8 document of fixed layout: 36 bytes of template, the
        // private key, 5 bytes of template, the uncompressed point.
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, rng)?;
        let document = document.as_ref();
        let number = document.get(36..68).ok_or(CryptoError)?;
        let point = document.get(73..138).ok_or(CryptoError)?;
        let mut pair = P256KeyPair { x: [0; 32], y: [0; 32], d: Secret::default() };
        pair.d.copy_from_slice(number);
        pair.x.copy_from_slice(point.get(1..33).ok_or(CryptoError)?);
        pair.y.copy_from_slice(point.get(33..65).ok_or(CryptoError)?);
        // Loading it again proves that the layout is the one above.
        Signer::new(&pair, rng)?;
        Ok(pair)
    }

    pub(crate) fn public(&self) -> Verifier {
        let mut point = [4; 65];
        let coordinates = self.x.iter().chain(&self.y);
        for (byte, coordinate) in point.iter_mut().skip(1).zip(coordinates) {
            *byte = *coordinate;
        }
        Verifier(point)
    }
}

/// Makes ES256 signatures.
pub(crate) struct Signer(EcdsaKeyPair);

impl Signer {
    /// Fails unless the private and the public part of the pair match.
    pub(crate) fn new(pair: &P256KeyPair, rng: &dyn SecureRandom) -> Result<Self, CryptoError> {
        let public = pair.public().0;
        let (algorithm, d) = (&ECDSA_P256_SHA256_FIXED_SIGNING, pair.d.as_slice());
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, d, &public, rng)
            .map(Self)
            .map_err(|_| CryptoError)
    }

    pub(crate) fn sign(
        &self,
        message: &[u8],
        rng: &dyn SecureRandom,
    ) -> Result<signature::Signature, CryptoError> {
        Ok(self.0.sign(rng, message)?)
    }
}

/// Checks ES256 signatures: an uncompressed point of P-256.
#[derive(Clone, Copy)]
pub(crate) struct Verifier([u8; 65]);

impl Verifier {
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), CryptoError> {
        #[cfg(test)]
        if is_in_range(signature) {
            work::count(|work| work.verified.push(message.len()));
        }
        Ok(signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.0).verify(message, signature)?)
    }
}

/// An invalid signature, r = s = 1, that takes as long to verify as any other.
pub(crate) const WRONG_SIGNATURE: [u8; 64] = {
    let mut signature = [0; 64];
    (signature[31], signature[63]) = (1, 1);
    signature
};

/// Whether r and s of a signature are from 1 to n - 1 (FIPS 186-5, section 6.4.2, step 1): if not, the library rejects it
/// before it computes anything.
pub(crate) fn is_in_range(signature: &[u8; 64]) -> bool {
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, //
        0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let (r, s) = signature.split_at(32);
    [r, s].into_iter().all(|number| number < N.as_slice() && number.iter().any(|byte| *byte != 0))
}

/// Counts the cryptographic work of a thread: rejecting a token must cost the same for every defect.
#[cfg(test)]
pub(crate) mod work {
    use std::cell::RefCell;

    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Work {
        /// Keys derived.
        pub(crate) derived: usize,
        /// The number of bytes of each decryption.
        pub(crate) opened: Vec<usize>,
        /// The number of bytes of each signature check.
        pub(crate) verified: Vec<usize>,
    }

    thread_local! {
        static WORK: RefCell<Work> = RefCell::default();
    }

    pub(super) fn count(count: impl FnOnce(&mut Work)) {
        WORK.with_borrow_mut(count);
    }

    /// The work since this was asked last.
    pub(crate) fn done() -> Work {
        WORK.take()
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

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
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "79fcfdb9cd022bd3d28f3ee9b54512d01215b9102e5531048082e31b52c9ccde");
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        // Its test case 4 has a key of 25 bytes; zeros up to the block change nothing.
        let mut key = Secret::default();
        for (byte, value) in key.iter_mut().zip(1..=25) {
            *byte = value;
        }
        let tag = Mac::new(&key).tag(&[0xcd; 50]);
        let hex: String = tag.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    }

    #[test]
    fn the_numbers_of_a_signature_have_a_range() {
        let with = |place: usize, number: [u8; 32]| {
            let mut signature = WRONG_SIGNATURE;
            signature[place..place + 32].copy_from_slice(&number);
            is_in_range(&signature)
        };
        let n: Vec<u8> = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        let n: [u8; 32] = n.try_into().unwrap();
        let mut last = n;
        last[31] -= 1;
        for place in [0, 32] {
            assert!(with(place, last));
            assert!(!with(place, n) && !with(place, [0; 32]) && !with(place, [0xff; 32]));
        }
        assert!(is_in_range(&WRONG_SIGNATURE));
        let verifier = P256KeyPair::generate(&SystemRandom::new()).unwrap().public();
        assert_eq!(verifier.verify(b"text", &WRONG_SIGNATURE), Err(CryptoError));
    }

    #[test]
    fn a_generated_pair_signs_and_its_parts_belong_together() {
        let rng = SystemRandom::new();
        let pair = P256KeyPair::generate(&rng).unwrap();
        let signature = Signer::new(&pair, &rng).unwrap().sign(b"text", &rng).unwrap();
        let signature: [u8; 64] = signature.as_ref().try_into().unwrap();
        assert_eq!(pair.public().verify(b"text", &signature), Ok(()));
        assert_eq!(pair.public().verify(b"next", &signature), Err(CryptoError));

        let other = P256KeyPair::generate(&rng).unwrap();
        assert!(Signer::new(&P256KeyPair { d: other.d, ..pair }, &rng).is_err());
    }
}
