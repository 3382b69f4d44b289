//! DPoP proofs: any header value is a proof of the expected request, or an error.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use orchestrator::dpop::{Expectation, MAX_SKEW, PublicUrls, ReplayStore, Target, verify};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::Value;

const URL: &str = "https://chat.example.com/v2/Webchat/Token/Refresh";

static KEY: LazyLock<EcdsaKeyPair> = LazyLock::new(|| {
    let (algorithm, rng) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let key = EcdsaKeyPair::generate_pkcs8(algorithm, &rng).expect("a key");
    EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &rng).expect("a key")
});

/// Reads `data` as a header value; or, with line feeds in it, as header and payload, which are then signed, and a rest. `$x` and
/// `$y` in the header are the coordinates of the signing key.
///
/// # Panics
/// If a proof is accepted whose claims do not name the request: that is the fuzzer's goal.
pub fn verifies(data: &[u8]) {
    let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
    let mut parts = data.split(|byte| *byte == b'\n');
    let (Some(header), Some(payload)) = (parts.next(), parts.next()) else {
        let _ = check(data, now);
        return;
    };
    let (_, point) = KEY.public_key().as_ref().split_at(1);
    let [x, y] = [&point[..32], &point[32..]].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
    let header = String::from_utf8_lossy(header).replace("$x", &x).replace("$y", &y);
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = KEY.sign(&SystemRandom::new(), input.as_bytes()).expect("a signature");
    let mut proof = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)).into_bytes();
    proof.extend(parts.flatten());
    if check(&proof, now) {
        let claims: Value = serde_json::from_slice(payload).expect("JSON");
        assert_eq!((claims["htm"].as_str(), claims["jti"].is_string()), (Some("POST"), true));
        let age = now.timestamp() as f64 - claims["iat"].as_f64().expect("a time");
        assert!(age.abs() <= MAX_SKEW.num_seconds() as f64 + 1.0);
        let url = claims["htu"].as_str().expect("a URL");
        assert!(url.to_ascii_lowercase().contains("chat.example.com"), "another host");
    }
}

fn check(value: &[u8], now: DateTime<Utc>) -> bool {
    static URLS: LazyLock<PublicUrls> = LazyLock::new(|| "https://chat.example.com".parse().expect("a URL"));
    let path = URL.strip_prefix("https://chat.example.com").expect("a path");
    let target = Target { public_urls: &URLS, authority: None, scheme: None, path };
    let expectation = Expectation { method: "POST", target, access_token: None, nonces: None, now };
    verify([value], &expectation, &ReplayStore::with_capacity(64)).is_ok()
}
