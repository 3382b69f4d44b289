//! What a token costs: made, opened and refused, in both forms, with the claims of a bound webchat session.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ring::rand::SystemRandom;
use scoped_auth::{claims::Claims, jose::Form, key_file::KeyFile, key_ring::KeyRing};
use serde_json::Value;
use shared_types::{Fingerprint, SealedToken};

fn ring() -> KeyRing {
    let file = KeyFile::parse(include_bytes!("../tests/vectors/keys.json")).expect("keys");
    KeyRing::new(file, &SystemRandom::new()).expect("a key ring")
}

fn claims() -> Claims {
    let good: Value = serde_json::from_str(include_str!("../tests/vectors/good.json")).expect("JSON");
    let claims = good.pointer("/tokens/0/claims").expect("the first token's claims");
    let fingerprint = Fingerprint::new(format!("fp1.medium.{}", "x".repeat(189)));
    Claims { fingerprint, ..serde_json::from_value(claims.clone()).expect("claims") }
}

fn tokens(c: &mut Criterion) {
    let (ring, claims, rng) = (ring(), claims(), SystemRandom::new());
    let encrypted = ring.seal(&claims, Form::Encrypted, &rng).expect("a token");
    let signed = ring.seal(&claims, Form::Signed, &rng).expect("a token");
    let garbage = SealedToken::new("x".repeat(encrypted.as_str().len())).expect("a token");
    let tampered = SealedToken::new(encrypted.as_str().replace("..AAAA", "..BAAA")).expect("a token");
    assert!(ring.open(&encrypted).is_ok() && ring.open(&tampered).is_err());

    c.bench_function("seal_encrypted", |b| b.iter(|| ring.seal(black_box(&claims), Form::Encrypted, &rng)));
    c.bench_function("open_encrypted", |b| b.iter(|| ring.open(black_box(&encrypted))));
    c.bench_function("refuse_tampered", |b| b.iter(|| ring.open(black_box(&tampered))));
    c.bench_function("refuse_garbage", |b| b.iter(|| ring.open(black_box(&garbage))));
    c.bench_function("sign", |b| b.iter(|| ring.seal(black_box(&claims), Form::Signed, &rng)));
    c.bench_function("verify", |b| b.iter(|| ring.open(black_box(&signed))));
}

criterion_group!(benches, tokens);
criterion_main!(benches);
