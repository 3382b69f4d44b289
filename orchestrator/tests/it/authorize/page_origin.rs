//! The page's origin is judged against the guest's request. A browser sends no `Origin` with a same-origin GET.

use super::{ORDERS, Stack, is_let_through, is_refused, nginx, traefik};
use crate::api::{ON_LISTED, SHOP};

const OWN: &str = "https://shop.example.com/orders/7";

#[tokio::test]
async fn pages_of_listed_origins_are_let_through() {
    let stack = Stack::start().await;
    let guest = stack.guest(ON_LISTED).await;
    for asks in [nginx, traefik] {
        is_let_through(&stack.asks(guest.sends(asks("GET", ORDERS))).await);
        let same_origin =
            guest.sends(asks("GET", OWN)).without("origin").header("sec-fetch-site", "same-origin");
        let answer = stack.asks(same_origin).await;
        is_let_through(&answer);
        assert_eq!(answer.header("access-control-allow-origin"), SHOP);
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let stack = Stack::start().await;
    let guest = stack.guest(ON_LISTED).await;
    for asks in [nginx, traefik] {
        let without = |url: &str| guest.sends(asks("GET", url)).without("origin");
        let other = without(ORDERS).header("origin", "https://evil.example");
        is_refused(&stack.asks(other).await, 403, "origin_not_allowed");
        is_refused(&stack.asks(without(OWN)).await, 403, "origin_not_allowed");
        // Of a page of the other service itself, which is not listed.
        let same_origin = without(ORDERS).header("sec-fetch-site", "same-origin");
        is_refused(&stack.asks(same_origin).await, 403, "origin_not_allowed");
        let cross_site = without(OWN).header("sec-fetch-site", "cross-site");
        is_refused(&stack.asks(cross_site).await, 403, "origin_not_allowed");
    }
    // The proxy's own host is not the guest's target.
    let smuggled =
        guest.sends(nginx("GET", ORDERS)).without("origin").header("sec-fetch-site", "same-origin");
    let smuggled =
        smuggled.header("x-forwarded-host", "shop.example.com").header("x-forwarded-proto", "https");
    is_refused(&stack.asks(smuggled).await, 403, "origin_not_allowed");
}
