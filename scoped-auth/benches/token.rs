//! The cost of a token: made, opened and rejected, in both formats, with the claims of a bound webchat session; and of all of
//! `validate` except HTTP, the log and the revocation check.

#![allow(clippy::expect_used, reason = "a measurement that panics has failed, as it should")]

use std::hint::black_box;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use criterion::{Criterion, criterion_group, criterion_main};
use ring::rand::SystemRandom;
use scoped_auth::{
    counters::Counters,
    sessions::judgement::{Holder, judge_holder},
};
use serde_json::Value;
use service_runtime::Metrics;
use shared_types::{
    Fingerprint, SealedToken, Yes,
    scoped_auth::validate::{Authorized, Request, Response},
};
use token::{claims::Claims, jose::TokenFormat, key_file::KeyFile, key_ring::KeyRing};

const FINGERPRINT: &str = "fp2.me.BwcAA___AIoAiv_EAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4_QEFCQ0RFRkdISUo";

fn ring() -> KeyRing {
    let file = KeyFile::parse(include_bytes!("../tests/vectors/keys.json")).expect("keys");
    KeyRing::new(file, &SystemRandom::new()).expect("a key ring")
}

/// The same ring with 64 keys of each use, most of them retired.
fn ring_of_64() -> KeyRing {
    let mut set: Value = serde_json::from_slice(include_bytes!("../tests/vectors/keys.json")).expect("JSON");
    let keys = set.pointer_mut("/keys").and_then(Value::as_array_mut).expect("keys");
    for usage in ["enc", "sig"] {
        let of_use: Vec<Value> =
            keys.iter().filter(|key| key.get("use") == Some(&usage.into())).cloned().collect();
        for (n, mut key) in of_use.iter().cycle().take(64 - of_use.len()).cloned().enumerate() {
            let members = key.as_object_mut().expect("a key");
            members.insert("kid".to_owned(), format!("{usage}-old-{n}").into());
            members.insert("status".to_owned(), "retired".into());
            keys.insert(0, key);
        }
    }
    let file = KeyFile::parse(set.to_string().as_bytes()).expect("keys");
    KeyRing::new(file, &SystemRandom::new()).expect("a key ring")
}

fn claims() -> Claims {
    let good: Value = serde_json::from_str(include_str!("../tests/vectors/good.json")).expect("JSON");
    let claims = good.pointer("/tokens/0/claims").expect("the first token's claims");
    let fingerprint = Fingerprint::new(FINGERPRINT.to_owned());
    Claims { fingerprint, ..serde_json::from_value(claims.clone()).expect("claims") }
}

/// A token with another `kid` in its header, or another header altogether.
fn with_header(token: &SealedToken, change: impl FnOnce(String) -> String) -> SealedToken {
    let (header, rest) = token.as_str().split_once('.').expect("parts");
    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(header).expect("base64url")).expect("text");
    SealedToken::new(format!("{}.{rest}", URL_SAFE_NO_PAD.encode(change(header)))).expect("a token")
}

fn with_tampered_end(token: &SealedToken) -> SealedToken {
    let (last, rest) = token.as_str().split_at(token.as_str().len() - 20);
    let other = if rest.starts_with('B') { "C" } else { "B" };
    SealedToken::new(format!("{last}{other}{}", rest.get(1..).expect("ASCII"))).expect("a token")
}

fn tokens(c: &mut Criterion) {
    let (ring, claims, rng) = (ring(), claims(), SystemRandom::new());
    for (form, name) in [(TokenFormat::Encrypted, "encrypted"), (TokenFormat::Signed, "signed")] {
        let good = ring.seal(&claims, form, &rng).expect("a token");
        assert!(ring.open(&good).is_ok());
        c.bench_function(&format!("make_{name}"), |b| b.iter(|| ring.seal(black_box(&claims), form, &rng)));
        c.bench_function(&format!("open_{name}"), |b| b.iter(|| ring.open(black_box(&good))));
        let of_64 = ring_of_64();
        assert!(of_64.open(&good).is_ok());
        c.bench_function(&format!("open_{name}_of_64_keys"), |b| b.iter(|| of_64.open(black_box(&good))));

        // All of a format take the same time.
        let text = good.as_str();
        let garbage = if form == TokenFormat::Signed {
            format!("x.{}.x", "x".repeat(text.len() - 4))
        } else {
            "x".repeat(text.len())
        };
        for (reason, token) in [
            ("tampered", with_tampered_end(&good)),
            ("unknown_kid", with_header(&good, |header| header.replace("-1", "-9"))),
            ("unlike_kid", with_header(&good, |header| header.replace("-1", "/1"))),
            ("wrong_alg", with_header(&good, |header| header.replacen("\"alg\":\"", "\"alg\":\"x", 1))),
            ("crit", with_header(&good, |header| header.replace('}', ",\"crit\":[\"b64\"]}"))),
            ("array_header", with_header(&good, |_| "[]".to_owned())),
            ("bad_character", SealedToken::new(format!("{text}=")).expect("a token")),
            ("garbage", SealedToken::new(garbage).expect("a token")),
        ] {
            assert!(ring.open(&token).is_err(), "{reason}");
            c.bench_function(&format!("refuse_{name}_{reason}"), |b| b.iter(|| ring.open(black_box(&token))));
        }
    }
}

/// `validate` as in its handler, for a valid token.
fn validate(ring: &KeyRing, counters: &Counters, body: &[u8]) -> Vec<u8> {
    let request: Request = serde_json::from_slice(body).expect("a request");
    let claims = ring.open(&request.token).expect("an authentic token");
    let holder = Holder { fingerprint: request.fingerprint.as_ref(), jkt: request.jkt };
    let verdict = judge_holder(&claims, holder).expect("the same browser");
    if let Some(browser) = &verdict.browser {
        counters.browser(browser);
    }
    counters.judged("authorized");
    let Claims { sub, exp, grants, sid, auth_time, fingerprint, .. } = claims;
    let answer = Response::Authorized(Authorized {
        authorized: Yes::default(),
        auth_account: sub.into(),
        identity: grants.identity,
        expiration: exp,
        session_id: sid,
        session_hash: ring.public_session_hash(sid),
        auth_time,
        grants: grants.grants,
        bound: fingerprint.is_some(),
        jkt: None,
        successor: None,
        assertion: None,
    });
    serde_json::to_vec(&answer).expect("JSON")
}

fn handlers(c: &mut Criterion) {
    let (ring, claims, rng) = (ring(), claims(), SystemRandom::new());
    let counters = Counters::new(&Metrics::default());
    let token = ring.seal(&claims, TokenFormat::Encrypted, &rng).expect("a token");
    let request = Request {
        token,
        fingerprint: claims.fingerprint.clone(),
        jkt: None,
        successor: None,
        assertion: None,
    };
    let body = serde_json::to_vec(&request).expect("JSON");
    c.bench_function("validate", |b| b.iter(|| validate(&ring, &counters, black_box(&body))));
    c.bench_function("session_hash", |b| b.iter(|| ring.session_hash(black_box(claims.sid))));
    c.bench_function("minted", |b| b.iter(|| counters.minted(black_box(false), true)));
    let verdict = judge_holder(&claims, Holder { fingerprint: claims.fingerprint.as_ref(), jkt: None });
    let browser = verdict.ok().and_then(|verdict| verdict.browser).expect("a verdict");
    c.bench_function("browser", |b| b.iter(|| counters.browser(black_box(&browser))));
    let payload = serde_json::to_vec(&claims).expect("JSON");
    c.bench_function("write_claims", |b| b.iter(|| serde_json::to_vec(black_box(&claims))));
    c.bench_function("read_claims", |b| b.iter(|| serde_json::from_slice::<Claims>(black_box(&payload))));
}

criterion_group!(benches, tokens, handlers);
criterion_main!(benches);
