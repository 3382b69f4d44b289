//! ES256 key pairs and signatures (RFC 7518, section 3.4).

use ring::signature::{self, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

#[cfg(test)]
use super::work;
use super::{CryptoError, Secret, SecureRandom};

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

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;

    #[test]
    fn the_numbers_of_a_signature_have_a_range() {
        let with = |place: usize, number: [u8; 32]| {
            let mut signature = WRONG_SIGNATURE;
            signature[place..place + 32].copy_from_slice(&number);
            is_in_range(&signature)
        };
        let n = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
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
