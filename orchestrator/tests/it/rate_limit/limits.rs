//! How many requests the limits grant, and when they refill.

use std::{net::IpAddr, time::Duration};

use orchestrator::admission::rate_limit::{Limited, Policy, RateLimiter};
use proptest::prelude::*;

use crate::rate_limit::{at, call, create, deployments, limiter, visitor};

/// How many of `tries` at the same moment are granted.
fn granted(tries: u32, take: impl Fn() -> Result<(), Limited>) -> u32 {
    (0..tries).map(|_| u32::from(take().is_ok())).sum()
}

#[test]
fn limits_have_defaults() {
    let ([site, _], limits) = (deployments(""), limiter());
    assert_eq!(granted(100, || create(&limits, &site.deployment, visitor(1), at(0))), 30);
    assert_eq!(granted(1000, || call(&limits, &site.deployment, visitor(1), at(0))), 300);
    let limits = limiter();
    let all: u32 =
        (0..400).map(|n| granted(20, || create(&limits, &site.deployment, visitor(n), at(0)))).sum();
    assert_eq!(all, 6000);
}

#[test]
fn deployments_can_override_limits() {
    let file = "visitor_creates_per_minute = 2, visitor_calls_per_minute = 5, creates_per_minute = 3";
    let ([_, own], limits) = (deployments(file), limiter());
    assert_eq!(granted(10, || create(&limits, &own.deployment, visitor(1), at(0))), 2);
    assert_eq!(granted(10, || call(&limits, &own.deployment, visitor(1), at(0))), 5);
    assert_eq!(granted(10, || create(&limits, &own.deployment, visitor(2), at(0))), 1);
}

#[test]
fn rejections_name_the_limit_and_the_retry_time() {
    let ([site, own], limits) = (deployments("creates_per_minute = 1"), limiter());
    granted(30, || create(&limits, &site.deployment, visitor(1), at(0)));
    let refused = create(&limits, &site.deployment, visitor(1), at(500)).unwrap_err();
    assert_eq!((refused.policy, refused.limit), (Policy::VisitorCreates, 30));
    assert_eq!(refused.retry_after, Duration::from_millis(1500));
    assert_eq!((refused.retry_after(), refused.limit_header().as_str()), (2, r#""visitor_creates";r=0;t=2"#));
    assert_eq!(refused.policy_header(), r#""visitor_creates";q=30;w=60"#);

    granted(300, || call(&limits, &site.deployment, visitor(1), at(0)));
    let refused = call(&limits, &site.deployment, visitor(1), at(0)).unwrap_err();
    assert_eq!((refused.policy, refused.retry_after), (Policy::VisitorCalls, Duration::from_millis(200)));
    assert_eq!(
        (refused.retry_after(), refused.policy_header().as_str()),
        (1, r#""visitor_calls";q=300;w=60"#)
    );

    granted(1, || create(&limits, &own.deployment, visitor(1), at(0)));
    let refused = create(&limits, &own.deployment, visitor(2), at(0)).unwrap_err();
    assert_eq!((refused.policy, refused.retry_after()), (Policy::Creates, 60));
    assert_eq!(refused.to_string(), "over the limit `creates` of 1 in 60 s");
}

#[test]
fn buckets_refill_over_time() {
    let ([site, _], limits) = (deployments(""), limiter());
    let create = |ms| crate::rate_limit::create(&limits, &site.deployment, visitor(1), at(ms));
    assert_eq!(granted(31, || create(0)), 30);
    assert!(create(1999).is_err(), "one token per two seconds");
    assert!(create(2000).is_ok());
    assert!(create(2000).is_err());
    assert_eq!(granted(31, || create(12_000)), 5);
    assert_eq!(granted(31, || create(72_000)), 30, "full after a minute");
    assert_eq!(granted(31, || create(1_000_000)), 30, "and not more");
}

#[test]
fn rejected_visitors_leave_the_deployments_limit_unchanged() {
    let file = "visitor_creates_per_minute = 2, creates_per_minute = 4";
    let ([_, own], limits) = (deployments(file), limiter());
    assert_eq!(granted(1000, || create(&limits, &own.deployment, visitor(1), at(0))), 2);
    assert_eq!(granted(1000, || create(&limits, &own.deployment, visitor(2), at(0))), 2);
    let limits = limiter();
    granted(1000, || create(&limits, &own.deployment, visitor(1), at(0)));
    granted(1000, || call(&limits, &own.deployment, visitor(1), at(0)));
    assert!(create(&limits, &own.deployment, visitor(2), at(0)).is_ok());
    assert!(create(&limits, &own.deployment, visitor(3), at(0)).is_ok());
}

#[test]
fn deployments_have_separate_limits() {
    let ([one, other], limits) = (deployments("creates_per_minute = 1"), limiter());
    assert_eq!(granted(10, || create(&limits, &other.deployment, visitor(1), at(0))), 1);
    assert_eq!(granted(100, || create(&limits, &one.deployment, visitor(1), at(0))), 30);
    assert_eq!(granted(1000, || call(&limits, &other.deployment, visitor(1), at(0))), 300);
    assert_eq!(granted(1000, || call(&limits, &one.deployment, visitor(1), at(0))), 300);
}

#[test]
fn visitors_are_ipv4_addresses_or_ipv6_networks() {
    let [_, own] = deployments("visitor_calls_per_minute = 1");
    for (one, other, same) in [
        ("203.0.113.1", "203.0.113.1", true),
        ("203.0.113.1", "203.0.113.2", false),
        ("203.0.113.1", "::ffff:203.0.113.1", true),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true),
        ("2001:db8:0:2::1", "2001:db8:0:3::1", false),
        ("::", "0.0.0.0", false),
    ] {
        let limits = limiter();
        let from = |address: &str| {
            let address: IpAddr = address.parse().unwrap();
            call(&limits, &own.deployment, Some(address), at(0))
        };
        assert!(from(one).is_ok());
        assert_eq!(from(other).is_err(), same, "{one} and {other}");
    }
    let limits = limiter();
    assert!(call(&limits, &own.deployment, None, at(0)).is_ok());
    assert!(
        call(&limits, &own.deployment, None, at(0)).is_err(),
        "visitors without an address share one bucket"
    );
}

#[test]
fn a_backwards_clock_locks_nobody_out() {
    let ([site, _], limits) = (deployments(""), limiter());
    granted(31, || create(&limits, &site.deployment, visitor(1), at(0)));
    assert!(create(&limits, &site.deployment, visitor(1), at(-3_600_000)).is_ok());
}

#[test]
fn edited_limits_apply_at_once() {
    let ([_, wide], limits) = (deployments("visitor_creates_per_minute = 60"), limiter());
    assert_eq!(granted(55, || create(&limits, &wide.deployment, visitor(1), at(0))), 55);
    let [_, tight] = deployments("visitor_creates_per_minute = 6");
    let refused = create(&limits, &tight.deployment, visitor(1), at(0)).unwrap_err();
    assert_eq!(refused.limit, 6);
    assert!(refused.retry_after <= Duration::from_secs(60));
    assert_eq!(granted(50, || create(&limits, &tight.deployment, visitor(1), at(60_000))), 6);
}

/// The specification, in the simplest form: a bucket that holds `limit` and refills within a minute. In micro-shares.
fn expected(limit: u64, times: &[i64]) -> Vec<bool> {
    let (full, one) = (60_000_i64 * limit as i64, 60_000_i64);
    let (mut level, mut last) = (full, 0);
    let take = |&time: &i64| {
        level = full.min(level + (time - last) * limit as i64);
        last = time;
        let granted = level >= one;
        level -= if granted { one } else { 0 };
        granted
    };
    times.iter().map(take).collect()
}

proptest! {
    /// Limits that divide a minute, so that rounding cannot differ.
    #[test]
    fn a_bucket_refills_within_a_minute(
        limit in prop::sample::select(vec![1_u64, 2, 3, 5, 6, 10, 30, 60]),
        steps in prop::collection::vec(prop_oneof![3 => 0..5_i64, 2 => 0..5_000_i64, 1 => 0..200_000_i64], 1..200),
    ) {
        let [_, own] = deployments(&format!("visitor_calls_per_minute = {limit}"));
        let limits: RateLimiter = limiter();
        let times: Vec<i64> =
            steps.iter().scan(0, |time, step| { *time += step; Some(*time) }).collect();
        let granted: Vec<bool> = times
            .iter()
            .map(|&time| call(&limits, &own.deployment, visitor(1), at(time)).is_ok())
            .collect();
        prop_assert_eq!(granted, expected(limit, &times));
    }
}
