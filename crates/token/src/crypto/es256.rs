//! ES256 key pairs and signatures (RFC 7518, section 3.4).

use ring::signature::{self, ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

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
        Ok(signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.0).verify(message, signature)?)
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;

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
