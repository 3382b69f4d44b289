//! The guest's request is reported exactly once; what a guest smuggles beside it is refused.

use test_support::http::Request;

use super::{ORDERS, PATH, Stack, envoy, is_let_through, is_refused, nginx, proxy, traefik};
use crate::api::OFF;

const FORWARDED: [(&str, &str); 4] = [
    ("x-forwarded-method", "OPTIONS"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-uri", "/public"),
];
const ORIGINAL: [(&str, &str); 2] =
    [("x-original-method", "OPTIONS"), ("x-original-url", "https://evil.example/public")];

#[tokio::test]
async fn every_proxy_can_report_a_request() {
    let stack = Stack::start().await;
    let guest = stack.guest(OFF).await;
    for method in ["GET", "POST", "DELETE", "OPTIONS", "PROPFIND"] {
        for request in [nginx(method, ORDERS), traefik(method, ORDERS), envoy(method, "/orders/7?size=40")] {
            is_let_through(&stack.asks(guest.sends(request)).await);
        }
    }
}

#[tokio::test]
async fn smuggled_reports_are_refused() {
    let stack = Stack::start().await;
    let guest = stack.guest(OFF).await;
    for (name, value) in ORIGINAL {
        let refused = [traefik("POST", ORDERS), envoy("POST", "/orders/7")];
        for request in refused {
            let answer = stack.asks(guest.sends(request.header(name, value))).await;
            is_refused(&answer, 400, "invalid_request");
        }
        // nginx replaces a guest's header; were it only added, the request would be refused.
        let answer = stack.asks(guest.sends(nginx("POST", ORDERS).header(name, value))).await;
        is_refused(&answer, 403, "invalid_request");
    }
    for (name, value) in FORWARDED {
        let doubled = traefik("POST", ORDERS).header(name, value);
        is_refused(&stack.asks(guest.sends(doubled)).await, 400, "invalid_request");
        let envoy = envoy("POST", "/orders/7").header(name, value);
        is_refused(&stack.asks(guest.sends(envoy)).await, 400, "invalid_request");
        let answer = stack.asks(guest.sends(nginx("POST", ORDERS).header(name, value))).await;
        if ["x-forwarded-proto", "x-forwarded-host"].contains(&name) {
            is_let_through(&answer);
        } else {
            is_refused(&answer, 403, "invalid_request");
        }
    }
}

#[tokio::test]
async fn incomplete_reports_are_refused() {
    let stack = Stack::start().await;
    let guest = stack.guest(OFF).await;
    is_refused(&stack.asks(guest.sends(proxy(Request::get(PATH)))).await, 400, "invalid_request");
    for (name, _) in FORWARDED {
        let answer = stack.asks(guest.sends(traefik("GET", ORDERS).without(name))).await;
        is_refused(&answer, 400, "invalid_request");
        assert!(answer.member("message").contains(name), "{}", answer.text);
    }
    for (name, _) in ORIGINAL {
        let answer = stack.asks(guest.sends(nginx("GET", ORDERS).without(name))).await;
        is_refused(&answer, 403, "invalid_request");
    }
}

#[tokio::test]
async fn options_in_the_guests_query_are_ignored_or_refused() {
    let stack = Stack::start().await;
    // `only` of the guest would make it 403.
    let refused = envoy("GET", "/orders?only=401,403").header("x-original-method", "GET");
    is_refused(&stack.asks(refused).await, 400, "invalid_request");
    let guest = stack.guest(OFF).await;
    is_let_through(&stack.asks(guest.sends(envoy("GET", "/orders?a=1&a=2&only=no"))).await);
    // A proxy that appends the guest's query to its own request.
    let appended = traefik("GET", ORDERS);
    let appended = appended.at("/v2/Webchat/Authorize?size=40");
    is_refused(&stack.asks(guest.sends(appended)).await, 400, "invalid_request");
    // The options of Envoy are in a header.
    let with = |options: &str| guest.sends(envoy("GET", "/orders?a").header("x-webchat-options", options));
    is_let_through(&stack.asks(with("only=401,403&audience=https://api.example.com")).await);
    is_refused(&stack.asks(with("only=200")).await, 400, "invalid_request");
    is_refused(
        &stack.asks(with("only=401,403").header("x-webchat-options", "a")).await,
        400,
        "invalid_request",
    );
}
