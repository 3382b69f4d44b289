//! The limit of a guest's requests to other services: by the guest's address, apart from all other limits.

use super::{ORDERS, Stack, is_let_through, is_refused, nginx, traefik};
use crate::api::{OFF, accounts};

async fn limited(trusted: &str) -> Stack {
    let limits =
        "rate_limits = { visitor_authorize_per_minute = 2, visitor_calls_per_minute = 1 }\nenabled =";
    let trusted = trusted.parse().unwrap();
    Stack::with(&accounts().replace("enabled =", limits), |config| config.trusted_proxies = trusted).await
}

#[tokio::test]
async fn the_limit_is_by_the_original_client() {
    let stack = limited("127.0.0.1").await;
    let guest = stack.guest(OFF).await;
    let asks = async |from: &str| {
        stack.asks(guest.sends(traefik("GET", ORDERS)).header("x-forwarded-for", from)).await
    };
    for client in ["198.51.100.1", "198.51.100.2", "[2001:db8::1]:443"] {
        is_let_through(&asks(client).await);
        // What the guest wrote is on the left.
        is_let_through(&asks(&format!("6.6.6.6, {client}")).await);
        let answer = asks(&format!("203.0.113.9, {client}, 127.0.0.1")).await;
        is_refused(&answer, 429, "rate_limited");
        assert_eq!(answer.header("ratelimit-policy"), r#""visitor_authorize";q=2;w=60"#);
    }
    // The guest's other requests have limits of their own.
    guest.opens().await;
}

#[tokio::test]
async fn an_untrusted_proxys_guests_share_one_limit() {
    let stack = limited("10.0.0.0/8").await;
    let guest = stack.guest(OFF).await;
    for number in 1..=3 {
        let from = format!("198.51.100.{number}");
        let answer = stack.asks(guest.sends(nginx("GET", ORDERS)).header("x-forwarded-for", from)).await;
        if number == 3 {
            is_refused(&answer, 403, "rate_limited");
        } else {
            is_let_through(&answer);
        }
    }
}

#[tokio::test]
async fn the_default_is_600_a_minute() {
    let stack = Stack::start().await;
    let guest = stack.guest(OFF).await;
    let mut passed = 0;
    loop {
        let answer = stack.asks(guest.sends(traefik("GET", ORDERS))).await;
        if answer.status != 200 {
            assert_eq!(answer.header("ratelimit-policy"), r#""visitor_authorize";q=600;w=60"#);
            break;
        }
        passed += 1;
    }
    assert!((600..700).contains(&passed), "{passed}");
}
