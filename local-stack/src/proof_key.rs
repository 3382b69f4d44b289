//! The proof key of a guest's browser, and its DPoP proofs (RFC 9449, section 4.2).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::json;
use service_runtime::{Clock, random::Random};

/// A P-256 key that signs proofs.
pub struct ProofKey {
    pair: EcdsaKeyPair,
    clock: Clock,
    random: Random,
}

impl ProofKey {
    /// Generates a key; its proofs are dated by `clock`.
    ///
    /// # Panics
    /// If no key can be generated.
    #[allow(clippy::expect_used, reason = "a guest without a key is a failed test")]
    pub fn generate(clock: &Clock) -> Self {
        let (random, algorithm) = (Random::default(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, random.source()).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), random.source()).expect("the same key");
        Self { pair, clock: clock.clone(), random }
    }

    /// A proof for one request: its method, its URL without the query, its token, and the service's nonce.
    ///
    /// # Panics
    /// If it cannot be signed.
    #[allow(clippy::expect_used, reason = "a guest without a proof is a failed test")]
    pub fn proof(&self, method: &str, url: &str, token: Option<&str>, nonce: Option<&str>) -> String {
        let point = self.pair.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)});
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk});
        let mut payload = json!({
            "jti": encode(&self.random.bytes::<16>()),
            "htm": method,
            "htu": url.split(['?', '#']).next(),
            "iat": self.clock.now().timestamp(),
        });
        let ath = token.map(|token| encode(digest(&SHA256, token.as_bytes()).as_ref()));
        for (name, claim) in [("ath", ath), ("nonce", nonce.map(str::to_owned))] {
            if let (Some(claim), Some(payload)) = (claim, payload.as_object_mut()) {
                payload.insert(name.to_owned(), claim.into());
            }
        }
        let signed =
            format!("{}.{}", encode(header.to_string().as_bytes()), encode(payload.to_string().as_bytes()));
        let signature = self.pair.sign(self.random.source(), signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", encode(signature.as_ref()))
    }
}
