//! A page with a proof key, and its requests. Every part of a proof can be replaced by an invalid one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use orchestrator::dpop::{self, Expectation, Nonces, ProofFailure, PublicUrls, ReplayStore, Target};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use shared_types::Thumbprint;

/// The default request of proofs.
pub(crate) const PATH: &str = "/v2/Webchat/Token/Refresh";
pub(crate) const TOKEN: &str = "header..iv.text.tag";

/// A browser's key, with the header and claims of the next proof.
pub(crate) struct Prover {
    key: EcdsaKeyPair,
    pub(crate) header: Value,
    pub(crate) payload: Value,
}

pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Prover {
    /// A valid proof for `POST https://chat.example.com/v2/Webchat/Token/Refresh` with `TOKEN`, issued now.
    pub(crate) fn new() -> Self {
        let rng = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &rng).unwrap();
        let (_, point) = key.public_key().as_ref().split_at(1);
        let (x, y) = point.split_at(32);
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": base64url(x), "y": base64url(y)});
        let payload = json!({
            "jti": "-BwC3ESc6acc2lTc",
            "htm": "POST",
            "htu": "https://chat.example.com/v2/Webchat/Token/Refresh",
            "iat": now().timestamp(),
            "ath": base64url(digest(&SHA256, TOKEN.as_bytes())),
        });
        Self { key, header: json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}), payload }
    }

    /// Replaces one header parameter; `null` removes it.
    pub(crate) fn with_header(mut self, name: &str, value: Value) -> Self {
        set(&mut self.header, name, value);
        self
    }

    /// Replaces one claim; `null` removes it.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.payload, name, value.into());
        self
    }

    /// RFC 7638, over the members as sent.
    pub(crate) fn thumbprint(&self) -> Thumbprint {
        let coordinate = |name| self.header.pointer(name).unwrap();
        let (x, y) = (coordinate("/jwk/x"), coordinate("/jwk/y"));
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":{x},"y":{y}}}"#);
        let digest = digest(&SHA256, members.as_bytes());
        Thumbprint::from_bytes(digest.as_ref().try_into().unwrap())
    }

    pub(crate) fn proof(&self) -> String {
        self.sign(&self.header.to_string(), &self.payload.to_string())
    }

    /// Any two texts, signed.
    pub(crate) fn sign(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(payload));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", base64url(signature))
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    let members = object.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
}

/// A service whose public URL is `https://chat.example.com`.
pub(crate) struct Service {
    pub(crate) public_urls: PublicUrls,
    pub(crate) replays: ReplayStore,
    pub(crate) method: &'static str,
    pub(crate) token: Option<&'static str>,
    pub(crate) nonces: Option<Nonces>,
    pub(crate) now: DateTime<Utc>,
}

impl Service {
    pub(crate) fn new() -> Self {
        Self {
            public_urls: "https://chat.example.com".parse().unwrap(),
            replays: ReplayStore::new(),
            method: "POST",
            token: Some(TOKEN),
            nonces: None,
            now: now(),
        }
    }

    pub(crate) fn later(mut self, by: TimeDelta) -> Self {
        self.now += by;
        self
    }

    pub(crate) fn check(&self, proof: impl AsRef<[u8]>) -> Result<Thumbprint, ProofFailure> {
        self.check_all(&[proof.as_ref()])
    }

    pub(crate) fn check_all(&self, values: &[&[u8]]) -> Result<Thumbprint, ProofFailure> {
        let target = Target { public_urls: &self.public_urls, authority: None, scheme: None, path: PATH };
        let expectation = Expectation {
            method: self.method,
            target,
            access_token: self.token,
            nonces: self.nonces.as_ref(),
            now: self.now,
        };
        dpop::verify(values.iter().copied(), &expectation, &self.replays).map_err(|invalid| invalid.reason)
    }
}
