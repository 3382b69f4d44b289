//! The cost of revocations: checking a token against a million of them, and a start with a million in the store.

#![allow(clippy::expect_used, reason = "a measurement that panics has failed, as it should")]

use std::hint::black_box;

use chrono::{DateTime, TimeDelta, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use scoped_auth::{
    revocations::{Revocation, RevocationTarget, RevokedSet},
    sessions::{Rules, Sessions},
    store::Store,
};
use serde_json::Value;
use shared_types::{AccountSid, SessionId};
use store::DatabaseConfig;
use token::claims::Claims;
use tokio::runtime::Runtime;

const MANY: u64 = 1_000_000;

fn claims() -> Claims {
    let good: Value = serde_json::from_str(include_str!("../tests/vectors/good.json")).expect("JSON");
    let claims = good.pointer("/tokens/0/claims").expect("the first token's claims");
    serde_json::from_value(claims.clone()).expect("claims")
}

fn revocation(target: RevocationTarget) -> Revocation {
    let revoked_at: DateTime<Utc> = DateTime::UNIX_EPOCH;
    Revocation { target, revoked_at, forget_at: revoked_at + TimeDelta::days(40_000) }
}

/// Different for each `n`, and without a pattern.
fn session(n: u64) -> SessionId {
    let random = u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    SessionId::from_random(random.to_be_bytes())
}

fn judging(c: &mut Criterion) {
    let (set, claims) = (RevokedSet::default(), claims());
    c.bench_function("holds_beside_none", |b| b.iter(|| set.is_revoked(black_box(&claims))));
    set.add((0..MANY).map(|n| revocation(RevocationTarget::Session(session(n)))));
    c.bench_function("holds_beside_1000000_sessions", |b| b.iter(|| set.is_revoked(black_box(&claims))));
    // A different token each time, so that its cache lines are cold.
    let others: Vec<Claims> =
        (0..100_000).map(|n| Claims { sid: session(MANY + n * 7), ..claims.clone() }).collect();
    let mut next = others.iter().cycle();
    c.bench_function("holds_beside_1000000_sessions_for_any", |b| {
        b.iter(|| set.is_revoked(next.next().expect("a circle")));
    });
    set.add((0..1000).map(|n| revocation(RevocationTarget::Account(AccountSid::from_bits(n << 64)))));
    c.bench_function("holds_beside_1000_accounts_too", |b| b.iter(|| set.is_revoked(black_box(&claims))));
}

fn starting(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let dir = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", dir.path().join("sessions.db").display());
    let store = runtime.block_on(async {
        let store = Store::open(&DatabaseConfig::new(&url)).await.expect("a store");
        let connection =
            rusqlite::Connection::open(dir.path().join("sessions.db")).expect("a connection");
        let many = format!(
            "INSERT INTO revocations (id, kind, subject, revoked_at, forget_at) \
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {MANY}) \
             SELECT n, 'session', printf('%s-%s-7%s-8%s-%s', lower(hex(randomblob(4))), lower(hex(randomblob(2))), \
             substr(hex(randomblob(2)), 2), substr(hex(randomblob(2)), 2), lower(hex(randomblob(6)))), \
             1800000000000, 1800086400000 FROM n"
        );
        connection.execute_batch(&many).expect("a million rows");
        store
    });
    let day = std::time::Duration::from_secs(86_400);
    let rules = Rules {
        session_max: day,
        grace: day,
        resume_window: day,
        staleness: day,
        revocation_retention: 30 * day,
        store_timeout: day,
    };
    let now = DateTime::from_timestamp_millis(1_800_000_000_000).expect("a time");
    let mut group = c.benchmark_group("start");
    group.sample_size(10);
    group.bench_function("beside_1000000_sessions", |b| {
        b.iter(|| runtime.block_on(Sessions::open(store.clone(), rules, now)).expect("the sessions"));
    });
}

criterion_group!(benches, judging, starting);
criterion_main!(benches);
