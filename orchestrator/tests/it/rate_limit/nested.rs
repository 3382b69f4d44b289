//! The last quarter of a deployment's limits: reserved for networks that used little of it lately.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::{DateTime, Utc};
use orchestrator::{
    accounts::Deployment,
    admission::rate_limit::{Action, Policy, RateLimiter},
};

use crate::rate_limit::{at, create, deployments, limiter};

/// A /64, by the number of its /48, of the /56 within that, and of itself within the /56.
fn v6(of_48: u128, of_56: u128, own: u128) -> Option<IpAddr> {
    let bits = (0x2001_0000_0000 + of_48) << 80 | of_56 << 72 | own << 64 | 1;
    Some(Ipv6Addr::from_bits(bits).into())
}

fn v4(of_24: u32, own: u32) -> Option<IpAddr> {
    Some(Ipv4Addr::from_bits(0x0b00_0000 + (of_24 << 8) + own).into())
}

/// How many sessions a network of 256 visitors creates if each tries once.
fn flood(
    limits: &RateLimiter,
    deployment: &Deployment,
    visitors: impl Fn(u32) -> Option<IpAddr>,
    now: DateTime<Utc>,
) -> u32 {
    (0..256).map(|n| u32::from(create(limits, deployment, visitors(n), now).is_ok())).sum()
}

#[test]
fn one_network_does_not_lock_out_others() {
    let ([site, _], limits) = (deployments(""), limiter());
    for n in 0..4500 {
        create(&limits, &site.deployment, v6(1, 1, n / 30), at(0)).unwrap();
    }
    let refused = create(&limits, &site.deployment, v6(1, 1, 255), at(0)).unwrap_err();
    assert_eq!((refused.policy, refused.limit), (Policy::Creates56, 60));
    assert_eq!(refused.policy_header(), r#""creates_56";q=60;w=60"#);
    for stranger in [v6(2, 0, 0), v4(1, 1), None] {
        create(&limits, &site.deployment, stranger, at(0)).unwrap();
    }
    let neighbour = create(&limits, &site.deployment, v6(1, 2, 0), at(0)).unwrap_err();
    assert_eq!(
        (neighbour.policy, neighbour.limit),
        (Policy::Creates48, 240),
        "its /48 has had its share, too"
    );
}

#[test]
fn below_three_quarters_only_the_visitors_own_limit_rejects() {
    let ([site, _], limits) = (deployments(""), limiter());
    for n in 0..150 {
        for _ in 0..30 {
            create(&limits, &site.deployment, v4(1, n), at(0)).unwrap();
        }
        let own = create(&limits, &site.deployment, v4(1, n), at(0)).unwrap_err();
        assert_eq!(own.policy, Policy::VisitorCreates);
    }
    let refused = create(&limits, &site.deployment, v4(1, 200), at(0)).unwrap_err();
    assert_eq!((refused.policy, refused.limit), (Policy::Creates24, 240));
}

#[test]
fn the_last_quarter_is_bounded() {
    let ([site, _], limits) = (deployments(""), limiter());
    let mut granted = 0;
    let refused = loop {
        match create(&limits, &site.deployment, v6(granted / 30, 0, 0), at(0)) {
            Ok(()) => granted += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!((granted, refused.policy, refused.limit), (6000, Policy::Creates, 6000));
}

#[test]
fn network_factors_are_configurable() {
    let limits = limiter();
    let file = "creates_per_minute = 4, visitor_creates_per_minute = 2, nested = [1, 1, 1]";
    let [_, own] = deployments(file);
    for n in 0..3 {
        create(&limits, &own.deployment, v4(1, n), at(0)).unwrap();
    }
    let refused = create(&limits, &own.deployment, v4(1, 3), at(0)).unwrap_err();
    assert_eq!((refused.policy, refused.limit), (Policy::Creates24, 2));
    create(&limits, &own.deployment, v4(2, 0), at(0)).unwrap();
}

#[test]
fn peeking_consumes_nothing() {
    let ([_, own], limits) = (deployments("creates_per_minute = 4"), limiter());
    let creates = |action| limits.creates(&own.deployment, v4(1, 1), action, at(0));
    for _ in 0..100 {
        creates(Action::Peek).unwrap();
    }
    for _ in 0..4 {
        creates(Action::Take).unwrap();
    }
    assert!(creates(Action::Peek).is_err());
}

/// The floods try first, 512 times every 100 ms: 5,120 a second at a deployment that grants 100.
#[test]
fn first_creates_of_others_succeed_while_a_56_and_a_24_flood() {
    let ([site, _], limits) = (deployments(""), limiter());
    let (mut served, mut arrived, mut flooded) = (0, 0, 0);
    let mut stranger = |address, now| {
        arrived += 1;
        served += u32::from(create(&limits, &site.deployment, address, now).is_ok());
    };
    // 200 a minute from one carrier's /48, each from another /64; as many from separate networks.
    let (mut of_carrier, mut elsewhere) = (0, 0);
    for step in 0..2100_i64 {
        let now = at(step * 100);
        flooded += flood(&limits, &site.deployment, |n| v6(1, 1, n.into()), now);
        flooded += flood(&limits, &site.deployment, |n| v4(1, n), now);
        // The other visitors start a minute later, half of them in bursts.
        if step < 600 {
            continue;
        }
        if step % 3 == 0 {
            stranger(v6(2, of_carrier % 256, of_carrier / 256), now);
            of_carrier += 1;
        }
        if step % 150 == 0 {
            for _ in 0..50 {
                stranger(v4(1000 + elsewhere as u32, 7), now);
                elsewhere += 1;
            }
        }
    }
    println!("{served} of {arrived} strangers, {of_carrier} of them from one /48; {flooded} of the floods");
    assert_eq!((served, arrived), (1000, 1000));
    assert!(of_carrier == 500, "{of_carrier}");
    assert!(flooded >= 4500, "{flooded}: flood too small");
}
