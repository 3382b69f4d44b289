//! Many visitors: memory is bounded, and concurrent counts are exact.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use orchestrator::{
    accounts::Deployment,
    admission::rate_limit::{Policy, RateLimiter},
};
use service_runtime::Metrics;
use shared_types::DeploymentKey;

use crate::rate_limit::{at, call, create, deployments, limiter, visitor};

/// A separate /48 for each `n`.
fn network(n: u64) -> Option<IpAddr> {
    Some(Ipv6Addr::from_bits((u128::from(n) + 0x2001_0000_0000) << 80).into())
}

#[test]
fn memory_stays_bounded_with_a_million_networks() {
    let [site, _] = deployments("");
    let limits = RateLimiter::with_capacity(&Metrics::default(), 10_000);
    for n in 0..1_000_000 {
        // All within a minute, so that none expires by time.
        call(&limits, &site.deployment, network(n), at(n as i64 / 20)).unwrap();
    }
    assert!((10_000..=20_000).contains(&limits.remembered()), "{}", limits.remembered());
}

#[test]
fn spoofed_networks_do_not_raise_the_deployments_limit() {
    let [_, own] = deployments("creates_per_minute = 100");
    let limits = RateLimiter::with_capacity(&Metrics::default(), 1_000);
    let mut granted = 0;
    for n in 0..100_000 {
        match create(&limits, &own.deployment, network(n), at(0)) {
            Ok(()) => granted += 1,
            Err(limited) => assert_eq!(limited.policy, Policy::Creates),
        }
    }
    assert_eq!(granted, 100);
}

#[test]
fn many_deployments_do_not_raise_each_others_limits() {
    let ([_, own], limits) = (deployments("creates_per_minute = 10"), limiter());
    let create_at = |key: u128, client| {
        let deployment = Deployment { key: DeploymentKey::from_bits(key), ..own.deployment.clone() };
        create(&limits, &deployment, visitor(client), at(0))
    };
    for client in 0..10 {
        create_at(0, client).unwrap();
    }
    for key in 1..100_000 {
        create_at(key, 0).unwrap();
    }
    assert_eq!(create_at(0, 10).unwrap_err().policy, Policy::Creates);
}

#[test]
fn no_visitor_is_evicted_within_the_bound() {
    let ([site, _], limits) = (deployments(""), limiter());
    for _ in 0..30 {
        create(&limits, &site.deployment, visitor(1), at(0)).unwrap();
    }
    for n in 0..300_000 {
        call(&limits, &site.deployment, network(n), at(0)).unwrap();
    }
    assert!(create(&limits, &site.deployment, visitor(1), at(0)).is_err());
}

#[test]
fn idle_visitors_are_evicted() {
    let ([site, _], limits) = (deployments(""), limiter());
    for minute in 0..10 {
        for n in 0..10_000 {
            call(&limits, &site.deployment, network(minute * 10_000 + n), at(minute as i64 * 61_000))
                .unwrap();
        }
    }
    assert_eq!(limits.remembered(), 20_000, "visitors of this and the last minute");
}

#[test]
fn concurrent_counts_are_exact() {
    let ([site, _], limits) = (deployments(""), limiter());
    let granted = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let taken = call(&limits, &site.deployment, visitor(1), at(0));
                    granted.fetch_add(u32::from(taken.is_ok()), Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(granted.into_inner(), 300);
}
