//! Byte budgets: a visitor's share, the deployment's total, and its last quarter for networks that wrote little.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::{DateTime, Utc};
use orchestrator::{
    accounts::Deployment,
    admission::rate_limit::{Action, Charge, Policy, RateLimiter},
};

use crate::rate_limit::{at, deployments, limiter};

const TEXT: u32 = 32 * 1024;
const HOUR: i64 = 3_600_000;

fn v6(n: u128) -> Option<IpAddr> {
    Some(Ipv6Addr::from_bits((0x2001_0db8_0000_0000 + n) << 64).into())
}

fn v4(n: u32) -> Option<IpAddr> {
    Some(Ipv4Addr::from_bits(0x0b00_0000 + n).into())
}

fn store(
    limits: &RateLimiter,
    deployment: &Deployment,
    client: Option<IpAddr>,
    now: DateTime<Utc>,
) -> Result<(), orchestrator::admission::rate_limit::Limited> {
    limits.guest_bytes(deployment, client, TEXT, Action::Peek, now)?;
    limits.guest_bytes(deployment, client, TEXT, Action::Take, now)
}

#[test]
fn a_visitor_has_one_64th_of_the_deployments_budget() {
    let ([site, _], limits) = (deployments(""), limiter());
    for _ in 0..32 {
        store(&limits, &site.deployment, v4(1), at(0)).unwrap();
    }
    let refused = store(&limits, &site.deployment, v4(1), at(0)).unwrap_err();
    assert_eq!((refused.policy, refused.limit), (Policy::VisitorGuestBytes, 1 << 20));
    assert_eq!(refused.policy_header(), r#""visitor_guest_bytes";q=1048576;w=3600;qu="content-bytes""#);
    assert!((3600..=3900).contains(&refused.retry_after()), "{refused:?}");
    store(&limits, &site.deployment, v4(2), at(0)).unwrap();
    let later = at(1000 * refused.retry_after() as i64);
    store(&limits, &site.deployment, v4(1), later).unwrap();
}

#[test]
fn the_last_quarter_is_reserved_for_networks_with_little_use() {
    let ([site, _], limits) = (deployments(""), limiter());
    let granted = (0..256)
        .map(|n| (0..32).filter(|_| store(&limits, &site.deployment, v6(n), at(0)).is_ok()).count())
        .sum::<usize>();
    assert_eq!(granted as u32 * TEXT, 48 << 20, "of 64 MiB");
    let refused = store(&limits, &site.deployment, v6(255), at(0)).unwrap_err();
    assert_eq!((refused.policy, refused.limit), (Policy::GuestBytes56, 2 << 20));
    let neighbour = store(&limits, &site.deployment, v6(256), at(0)).unwrap_err();
    assert_eq!((neighbour.policy, neighbour.limit), (Policy::GuestBytes48, 8 << 20));
    for stranger in [v6(1 << 16), v4(1), None] {
        store(&limits, &site.deployment, stranger, at(0)).unwrap();
    }
    let mut granted = 3;
    let refused = loop {
        match store(&limits, &site.deployment, v4(granted << 8), at(0)) {
            Ok(()) => granted += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!((granted * TEXT, refused.policy, refused.limit), (16 << 20, Policy::GuestBytes, 64 << 20));
}

#[test]
fn rejections_by_a_visitors_share_do_not_count_for_the_deployment() {
    let ([site, _], limits) = (deployments(""), limiter());
    for _ in 0..10_000 {
        let _ = store(&limits, &site.deployment, v4(1), at(0));
    }
    for n in 2..48 {
        for _ in 0..32 {
            store(&limits, &site.deployment, v4(n), at(0)).unwrap();
        }
    }
}

/// Three hours of a /56 whose 256 visitors send 20 messages of maximum length a minute each: 9.6 GiB an hour.
#[test]
fn a_56_stays_within_the_hourly_budget_while_others_can_write() {
    let ([site, _], limits) = (deployments(""), limiter());
    let (mut granted, mut strangers) = (Vec::new(), 0);
    for tick in 0..3 * 60 * 20_i64 {
        let now = tick * 3000;
        for n in 0..256 {
            let message = limits.visitor(&site.deployment, v6(n), Charge::Message, at(now));
            if message.is_ok() && store(&limits, &site.deployment, v6(n), at(now)).is_ok() {
                granted.push(now);
            }
        }
        if tick % 20 == 10 {
            strangers += u32::from(store(&limits, &site.deployment, v4((tick as u32) << 8), at(now)).is_ok());
        }
    }
    let in_hour = |from: i64| granted.iter().filter(|&&at| (from..from + HOUR).contains(&at)).count() as u32;
    let most = granted.iter().step_by(50).map(|&from| in_hour(from)).max().unwrap();
    println!("at most {} bytes of the /56 in an hour; {strangers} of 180 strangers", most * TEXT);
    assert!((1..=64 << 20).contains(&(most * TEXT)));
    assert_eq!(strangers, 180);
}

#[test]
fn message_rate_is_20_a_minute_with_bursts_of_10() {
    let ([site, own], limits) =
        (deployments("visitor_messages_per_minute = 6, visitor_messages_burst = 2"), limiter());
    let send = |deployment, ms| limits.visitor(deployment, v4(1), Charge::Message, at(ms));
    let granted = |deployment, ms| (0..100).filter(|_| send(deployment, ms).is_ok()).count();
    assert_eq!(granted(&site.deployment, 0), 10);
    let refused = send(&site.deployment, 0).unwrap_err();
    assert_eq!((refused.policy, refused.limit, refused.retry_after()), (Policy::VisitorMessages, 20, 3));
    assert_eq!((granted(&site.deployment, 30_000), granted(&site.deployment, 33_000)), (10, 1));
    assert_eq!((granted(&own.deployment, 0), granted(&own.deployment, 10_000)), (2, 1));
    // Sending is also a request.
    let calls =
        (0..300).filter(|_| limits.visitor(&site.deployment, v4(1), Charge::Call, at(33_000)).is_ok());
    assert!(calls.count() < 300);
}
