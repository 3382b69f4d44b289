//! The cryptographic library, behind the few operations that the token form needs. No other module of this crate
//! names it, so that another one of the same interface (aws-lc-rs) could take its place here.

use ring::{
    aead::{self, AES_256_GCM, Aad, LessSafeKey},
    hkdf,
    signature::{self, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use zeroize::Zeroizing;

pub(crate) use ring::rand::SecureRandom;

/// 256 bits that are wiped when they are no longer needed.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// Says no more than that it did not work: the reasons of cryptography are nobody's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed;

impl From<ring::error::Unspecified> for Failed {
    fn from(_: ring::error::Unspecified) -> Self {
        Failed
    }
}

/// `N` random bytes.
pub(crate) fn random<const N: usize>(rng: &dyn SecureRandom) -> Result<[u8; N], Failed> {
    let mut bytes = [0; N];
    rng.fill(&mut bytes)?;
    Ok(bytes)
}

/// What HKDF-SHA256 extracts from a key and a salt (RFC 5869, section 2.2).
pub(crate) struct Extracted(hkdf::Prk);

impl Extracted {
    pub(crate) fn new(salt: &[u8; 16], key: &Secret) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(key.as_slice()))
    }

    /// The AES-256-GCM key for `info`, whose parts are read as one text (RFC 5869, section 2.3).
    pub(crate) fn expand(&self, info: &[&[u8]]) -> Result<Subkey, Failed> {
        let key = self.0.expand(info, &AES_256_GCM)?;
        Ok(Subkey(LessSafeKey::new(key.into())))
    }

    /// The same key as bytes.
    pub(crate) fn expand_bytes(&self, info: &[&[u8]]) -> Result<Secret, Failed> {
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

/// An AES-256-GCM key. Whoever seals with it answers for its nonces.
pub(crate) struct Subkey(LessSafeKey);

impl Subkey {
    /// Turns `text` into ciphertext and returns the tag over it and `header`.
    pub(crate) fn seal(&self, nonce: [u8; 12], header: &[u8], text: &mut [u8]) -> Result<aead::Tag, Failed> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        Ok(self.0.seal_in_place_separate_tag(nonce, Aad::from(header), text)?)
    }

    /// Turns ciphertext and tag into the text that was sealed with `header`.
    pub(crate) fn open<'a>(
        &self,
        nonce: [u8; 12],
        header: &[u8],
        text_and_tag: &'a mut [u8],
    ) -> Result<&'a [u8], Failed> {
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        Ok(self.0.open_in_place(nonce, Aad::from(header), text_and_tag)?)
    }
}

/// A P-256 key pair as numbers (RFC 7518, section 6.2).
pub(crate) struct P256 {
    pub(crate) x: [u8; 32],
    pub(crate) y: [u8; 32],
    pub(crate) d: Secret,
}

impl P256 {
    pub(crate) fn generate(rng: &dyn SecureRandom) -> Result<Self, Failed> {
        // The one place where the library gives a fresh private number away is a PKCS#8 document of fixed layout:
        // 36 bytes of template, the number, 5 bytes of template, the uncompressed point.
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, rng)?;
        let document = document.as_ref();
        let number = document.get(36..68).ok_or(Failed)?;
        let point = document.get(73..138).ok_or(Failed)?;
        let mut pair = P256 { x: [0; 32], y: [0; 32], d: Secret::default() };
        pair.d.copy_from_slice(number);
        pair.x.copy_from_slice(point.get(1..33).ok_or(Failed)?);
        pair.y.copy_from_slice(point.get(33..65).ok_or(Failed)?);
        // Reading it back proves that the layout was the one above.
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
    /// Fails unless the private and the public part of the pair belong together.
    pub(crate) fn new(pair: &P256, rng: &dyn SecureRandom) -> Result<Self, Failed> {
        let public = pair.public().0;
        let (algorithm, d) = (&ECDSA_P256_SHA256_FIXED_SIGNING, pair.d.as_slice());
        EcdsaKeyPair::from_private_key_and_public_key(algorithm, d, &public, rng)
            .map(Self)
            .map_err(|_| Failed)
    }

    pub(crate) fn sign(
        &self,
        message: &[u8],
        rng: &dyn SecureRandom,
    ) -> Result<signature::Signature, Failed> {
        Ok(self.0.sign(rng, message)?)
    }
}

/// Checks ES256 signatures: an uncompressed point of P-256.
#[derive(Clone, Copy)]
pub(crate) struct Verifier([u8; 65]);

impl Verifier {
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), Failed> {
        Ok(signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.0).verify(message, signature)?)
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;

    #[test]
    fn the_bytes_of_a_subkey_are_the_subkey() {
        let extracted = Extracted::new(&[1; 16], &Secret::new([2; 32]));
        let bytes = extracted.expand_bytes(&[b"a", b"b"]).unwrap();
        let same = LessSafeKey::new(aead::UnboundKey::new(&AES_256_GCM, bytes.as_slice()).unwrap());
        let mut text = *b"text";
        let tag = extracted.expand(&[b"ab"]).unwrap().seal([0; 12], b"header", &mut text).unwrap();
        let mut sealed = [text.as_slice(), tag.as_ref()].concat();
        assert_eq!(Subkey(same).open([0; 12], b"header", &mut sealed), Ok(b"text".as_slice()));
    }

    #[test]
    fn hkdf_is_that_of_rfc_5869() {
        // Its test cases have salts and keys of other lengths; this one is from another library.
        let salt: [u8; 16] = std::array::from_fn(|i| i as u8);
        let key = Secret::new(std::array::from_fn(|i| 0x80 + i as u8));
        let bytes = Extracted::new(&salt, &key).expand_bytes(&[b"info"]).unwrap();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "79fcfdb9cd022bd3d28f3ee9b54512d01215b9102e5531048082e31b52c9ccde");
    }

    #[test]
    fn a_generated_pair_signs_and_its_parts_belong_together() {
        let rng = SystemRandom::new();
        let pair = P256::generate(&rng).unwrap();
        let signature = Signer::new(&pair, &rng).unwrap().sign(b"text", &rng).unwrap();
        let signature: [u8; 64] = signature.as_ref().try_into().unwrap();
        assert_eq!(pair.public().verify(b"text", &signature), Ok(()));
        assert_eq!(pair.public().verify(b"next", &signature), Err(Failed));

        let other = P256::generate(&rng).unwrap();
        assert!(Signer::new(&P256 { d: other.d, ..pair }, &rng).is_err());
    }
}
