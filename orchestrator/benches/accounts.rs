//! Cost of the accounts: a look-up among one deployment and among a million, and the load of a file with a million.

#![allow(clippy::expect_used, reason = "a measurement that panics has failed, as it should")]

use std::{fmt::Write as _, hint::black_box};

use criterion::{Criterion, criterion_group, criterion_main};
use orchestrator::accounts::Accounts;
use shared_types::{AccountSid, AddressSid, ConversationsServiceSid, DeploymentKey};

const OF_EACH_ACCOUNT: u128 = 1000;
const MANY: u128 = 1_000_000;

fn text(deployments: u128) -> String {
    let mut text = String::new();
    for n in 0..deployments {
        if n % OF_EACH_ACCOUNT == 0 {
            let (sid, service) = (AccountSid::from_bits(n), ConversationsServiceSid::from_bits(n));
            write!(
                text,
                "[[account]]\nsid = \"{sid}\"\nwebchat_security = true\nconversations_service_sid = \"{service}\"\n"
            )
            .expect("memory");
        }
        let (key, address) = (key(n), AddressSid::from_bits(n));
        write!(
            text,
            "[[account.deployment]]\nkey = \"{key}\"\naddress_sid = \"{address}\"\n\
             allowed_origins = [\"https://shop-{n}.example.com\"]\n"
        )
        .expect("memory");
    }
    text
}

/// Different for each `n`, and without a pattern.
fn key(n: u128) -> DeploymentKey {
    DeploymentKey::from_bits(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

fn accounts(c: &mut Criterion) {
    let few = Accounts::parse(&text(1)).expect("accounts");
    c.bench_function("look_up_beside_1", |b| b.iter(|| few.by_deployment_key(black_box(&key(0)))));
    let text = text(MANY);
    let many = Accounts::parse(&text).expect("accounts");
    c.bench_function("look_up_beside_1000000", |b| b.iter(|| many.by_deployment_key(black_box(&key(0)))));
    // Each time another one, so that no line of memory is at hand.
    let mut next = (0..MANY).map(|n| key(n.wrapping_mul(7919) % MANY)).cycle();
    c.bench_function("look_up_beside_1000000_of_any", |b| {
        b.iter(|| many.by_deployment_key(&next.next().expect("a circle")));
    });
    let mut group = c.benchmark_group("read");
    group.sample_size(10);
    group.bench_function("1000000", |b| b.iter(|| Accounts::parse(black_box(&text))));
}

criterion_group!(benches, accounts);
criterion_main!(benches);
