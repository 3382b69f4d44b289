//! What a call costs before anything is done for it: its limits looked at, its proof checked.

#![allow(clippy::expect_used, reason = "a measurement that panics has failed, as it should")]

use std::{hint::black_box, net::IpAddr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use orchestrator::{
    accounts::{Accounts, DeploymentConfig},
    admission::rate_limit::{Action, Charge, RateLimiter},
    dpop::{self, Expectation, PublicUrls, ReplayStore, Target},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use service_runtime::Metrics;
use shared_types::DeploymentKey;

const ACCOUNTS: &str = r#"
[[account]]
sid = "AC00000000000000000000000000000001"
webchat_security = true
conversations_service_sid = "IS00000000000000000000000000000001"
[[account.deployment]]
key = "CV00000000000000000000000000000001"
address_sid = "IG00000000000000000000000000000001"
"#;

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a time")
}

fn configuration() -> DeploymentConfig {
    let accounts = Accounts::parse(ACCOUNTS).expect("accounts");
    accounts.by_deployment_key(&DeploymentKey::from_bits(1)).expect("a deployment")
}

fn limits(c: &mut Criterion) {
    let (site, limits) = (configuration(), RateLimiter::new(&Metrics::default()));
    let client = Some(IpAddr::from([203, 0, 113, 9]));
    let mut now = start();
    c.bench_function("rate_limit_create_allowed", |b| {
        b.iter(|| {
            now += TimeDelta::seconds(2);
            limits.visitor(black_box(&site.deployment), client, Charge::Create, now)?;
            limits.creates(&site.deployment, client, Action::Peek, now)?;
            limits.creates(&site.deployment, client, Action::Take, now)
        });
    });
    let mut n = 0_u32;
    c.bench_function("rate_limit_call_of_a_new_visitor", |b| {
        b.iter(|| {
            n = n.wrapping_add(1);
            now += TimeDelta::milliseconds(1);
            limits.visitor(black_box(&site.deployment), Some(IpAddr::V4(n.into())), Charge::Call, now)
        });
    });
    while limits.visitor(&site.deployment, client, Charge::Create, now).is_ok() {}
    c.bench_function("rate_limit_create_refused", |b| {
        b.iter(|| limits.visitor(black_box(&site.deployment), client, Charge::Create, now));
    });
}

fn proofs(c: &mut Criterion) {
    let rng = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).expect("a key");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &rng).expect("a key");
    let (_, point) = key.public_key().as_ref().split_at(1);
    let (x, y) = point.split_at(32);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
    let header = format!(r#"{{"typ":"dpop+jwt","alg":"ES256","jwk":{jwk}}}"#);
    let payload = r#"{"jti":"cf8f9f2e-2f3b-4f7b-9a53-94a2a1e3f3b7","htm":"POST","htu":"https://chat.example.com/v2/Webchat/Token","iat":1800000000}"#;
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = key.sign(&rng, signed.as_bytes()).expect("a signature");
    let proof = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));

    let public_urls: PublicUrls = "https://chat.example.com".parse().expect("a URL");
    let target =
        Target { public_urls: &public_urls, authority: None, scheme: None, path: "/v2/Webchat/Token" };
    let expectation = Expectation { method: "POST", target, access_token: None, nonces: None, now: start() };
    let verify = |method, store: &ReplayStore| {
        dpop::verify([black_box(proof.as_bytes())], &Expectation { method, ..expectation }, store)
    };
    let store = ReplayStore::new();
    assert!(verify("POST", &store).is_ok());
    c.bench_function("proof_taken", |b| {
        b.iter_batched_ref(ReplayStore::new, |store| verify("POST", store), BatchSize::SmallInput);
    });
    c.bench_function("proof_replayed", |b| b.iter(|| verify("POST", &store)));
    c.bench_function("proof_of_another_call", |b| b.iter(|| verify("GET", &store)));
}

criterion_group!(benches, limits, proofs);
criterion_main!(benches);
