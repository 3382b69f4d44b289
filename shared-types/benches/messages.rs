//! Benchmarks of JSON serialisation and parsing: the bodies of creating, validating and refreshing a token, over all
//! three services.

#![allow(clippy::expect_used, reason = "a measurement that panics has failed, as it should")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use shared_types::{federated_auth, orchestrator, scoped_auth};

const FINGERPRINT: &str = "fp2.me.BwcAA___AIoAiv_EAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4_QEFCQ0RFRkdISUo";
const IDENTITY: &str = "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77";
const SESSION: &str = "0199f7c5-52a1-7b57-8f1e-5d2f4f1c9a77";
const AUTH_TIME: &str = "2026-11-20T20:14:40Z";
const EXPIRATION: &str = "2026-11-21T02:14:40Z";

fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).expect("a message")
}

/// Round trip of a message: serialised by one service, parsed by the next.
fn travels<T: Serialize + DeserializeOwned>(message: &T) -> T {
    let body = serde_json::to_vec(black_box(message)).expect("JSON");
    serde_json::from_slice(&body).expect("a message")
}

fn grants() -> Value {
    json!([
        {
            "type": "webchat",
            "address_sid": "IG00000000000000000000000000000001",
            "deployment_key": "CV00000000000000000000000000000001",
        },
        {"type": "chat", "service_sid": "IS00000000000000000000000000000001"},
    ])
}

fn messages(c: &mut Criterion) {
    let token = "x".repeat(900);
    let asked: federated_auth::create_token::Request = read(&json!({
        "deployment_key": "CV00000000000000000000000000000001",
        "address_sid": "IG00000000000000000000000000000001",
        "conversations_service_sid": "IS00000000000000000000000000000001",
        "fingerprint": FINGERPRINT,
    }));
    let generate: scoped_auth::generate::Request = read(&json!({
        "accountSid": "AC00000000000000000000000000000001", "grants": grants(), "ttl": 21600, "encrypt": true,
        "fingerprint": FINGERPRINT,
    }));
    let made = json!({
        "token": token, "identity": IDENTITY, "expiration": EXPIRATION, "expires_in": 21600,
        "refresh_after": 16848, "session_id": SESSION, "auth_time": AUTH_TIME,
    });
    let generated: scoped_auth::generate::Response = read(&made);
    let created: federated_auth::create_token::Response = read(&made);
    let answer: orchestrator::create_token::Response = read(&made);
    c.bench_function("messages/create", |b| {
        b.iter(|| {
            let answer = serde_json::to_vec(black_box(&answer));
            (travels(&asked), travels(&generate), travels(&generated), travels(&created), answer)
        });
    });
    c.bench_function("messages/federated_auth_create_token", |b| b.iter(|| travels(&asked)));
    c.bench_function("messages/scoped_auth_generate", |b| b.iter(|| travels(&generate)));
    c.bench_function("messages/scoped_auth_generated", |b| b.iter(|| travels(&generated)));

    let validate: scoped_auth::validate::Request = read(&json!({"token": token, "fingerprint": FINGERPRINT}));
    let mut verdict = json!({
        "authorized": true,
        "auth_account": {
            "account_id": "da52ca3e-3797-5122-a441-9a6fc636cf1c",
            "account_sid": "AC00000000000000000000000000000001",
        },
        "grants": grants(), "identity": IDENTITY, "expiration": EXPIRATION,
        "session_id": SESSION, "session_hash": "3f1d0b9a7c5e48264a8b6c2d0e1f3759", "auth_time": AUTH_TIME, "bound": true,
    });
    let validated: scoped_auth::validate::Response = read(&verdict);
    c.bench_function("messages/scoped_auth_validate", |b| b.iter(|| travels(&validate)));
    c.bench_function("messages/scoped_auth_validated", |b| b.iter(|| travels(&validated)));

    let refresh: scoped_auth::validate::Request = read(&json!({
        "token": token, "fingerprint": FINGERPRINT,
        "successor": {
            "accountSid": "AC00000000000000000000000000000001",
            "deploymentKey": "CV00000000000000000000000000000001",
            "ttl": 21600,
        },
    }));
    let successor =
        json!({"token": token, "expiration": EXPIRATION, "expires_in": 21600, "refresh_after": 16848});
    verdict.as_object_mut().expect("an object").insert("successor".to_owned(), successor);
    let refreshed: scoped_auth::validate::Response = read(&verdict);
    c.bench_function("messages/scoped_auth_refresh", |b| b.iter(|| travels(&refresh)));
    c.bench_function("messages/scoped_auth_refreshed", |b| b.iter(|| travels(&refreshed)));
}

criterion_group!(benches, messages);
criterion_main!(benches);
