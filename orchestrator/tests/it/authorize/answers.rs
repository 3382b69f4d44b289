//! What an answer says of the guest: all five headers, always.

use shared_types::AccountSid;
use test_support::http::Request;

use super::{ANSWERS, ORDERS, Stack, envoy, is_let_through, is_refused, nginx, proxy, traefik};
use crate::api::{OFF, ON};

#[tokio::test]
async fn answers_describe_the_guest() {
    let stack = Stack::start().await;
    for deployment in [OFF, ON] {
        let guest = stack.guest(deployment).await;
        let conversation = guest.opens().await;
        let answer = stack.asks(guest.sends(nginx("GET", ORDERS))).await;
        is_let_through(&answer);
        assert_eq!(answer.header("x-webchat-identity"), guest.identity);
        assert_eq!(answer.header("x-webchat-conversation"), conversation);
        assert_eq!(answer.header("x-webchat-deployment"), deployment);
        assert_eq!(answer.header("x-webchat-assertion"), "none");
    }
}

#[tokio::test]
async fn a_guests_own_headers_do_not_appear_in_the_answer() {
    let stack = Stack::start().await;
    let guest = stack.guest(OFF).await;
    let mut conversation = "none".to_owned();
    for _ in 0..2 {
        for request in [nginx("GET", ORDERS), traefik("GET", ORDERS), envoy("GET", "/orders/7")] {
            let forged = ANSWERS.iter().fold(guest.sends(request), |request, name| {
                request.header(name, "forged").header(&name.replace('-', "_"), "forged")
            });
            let answer = stack.asks(forged.header("x-webchat-code", "forged")).await;
            // Each header is there once, so a proxy that copies it replaces the guest's.
            is_let_through(&answer);
            assert_eq!(answer.header("x-webchat-conversation"), conversation);
            assert_eq!(answer.header("x-webchat-identity"), guest.identity);
            assert!(answer.headers.iter().all(|(_, value)| value != "forged"));
        }
        conversation = guest.opens().await;
    }
}

#[tokio::test]
async fn a_session_has_one_name_that_is_not_its_id() {
    let stack = Stack::start().await;
    let (mut guest, other) = (stack.guest(OFF).await, stack.guest(OFF).await);
    let name = async |guest: &super::Guest<'_>| {
        stack.asks(guest.sends(traefik("GET", ORDERS))).await.header("x-webchat-session")
    };
    let first = name(&guest).await;
    assert_eq!(first.len(), 32);
    guest.refreshes().await;
    assert_eq!(name(&guest).await, first, "the same after a refresh");
    assert_ne!(name(&other).await, first);
}

#[tokio::test]
async fn every_method_is_judged_alike() {
    let stack = Stack::start().await;
    let guest = stack.guest(OFF).await;
    for method in ["OPTIONS", "GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"] {
        for request in [nginx(method, ORDERS), traefik(method, ORDERS), envoy(method, "/orders/7")] {
            let preflight = request
                .header("origin", "https://shop.example.com")
                .header("access-control-request-method", "POST")
                .header("access-control-request-headers", "authorization");
            is_refused(&stack.asks(preflight.clone()).await, 401, "invalid_token");
            is_let_through(&stack.asks(guest.sends(preflight.without("origin"))).await);
        }
    }
    let head = stack.asks(guest.sends(envoy("HEAD", "/orders/7"))).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("x-webchat-identity"), guest.identity);
}

#[tokio::test]
async fn a_body_is_not_read() {
    let stack = Stack::start().await;
    let guest = stack.guest(OFF).await;
    for request in [nginx("POST", ORDERS), envoy("POST", "/orders/7")] {
        let large =
            guest.sends(request).body("text/csv", "x".repeat(64 * 1024)).header("content-encoding", "gzip");
        is_let_through(&stack.asks(large).await);
    }
}

#[tokio::test]
async fn ended_expired_and_erased_guests_are_refused() {
    let stack = Stack::start().await;
    let (guest, erased) = (stack.guest(OFF).await, stack.guest(OFF).await);
    erased.opens().await;
    let asks = async |guest: &super::Guest<'_>| stack.asks(guest.sends(nginx("GET", ORDERS))).await;
    is_let_through(&asks(&erased).await);
    let (identity, account) = (erased.identity.parse().unwrap(), AccountSid::from_bits(2));
    let (conversations, _) =
        stack.store().await.erase_guest(account, identity, stack.clock.now()).await.unwrap();
    assert_eq!(conversations, 1);
    is_refused(&asks(&erased).await, 401, "revoked_token");

    let fields = serde_json::json!({ "deploymentKey": OFF, "token": guest.token });
    let revoke = Request::post(crate::api::REVOKE).json(&fields);
    assert_eq!(revoke.send(stack.running.address()).await.status, 200);
    is_refused(&asks(&guest).await, 401, "revoked_token");

    let late = stack.guest(OFF).await;
    stack.clock.advance(chrono::TimeDelta::hours(7));
    is_refused(&asks(&late).await, 401, "expired_token");
}

#[tokio::test]
async fn metrics_and_log_labels_hold_no_path_of_a_guest() {
    let stack = Stack::start().await;
    let guest = stack.guest(OFF).await;
    for path in ["/", "/hunter2", "/hunter2/a/b/c/d/e/f/g/h/i", "//hunter2?q=hunter2"] {
        is_let_through(&stack.asks(guest.sends(envoy("BREW", path))).await);
    }
    stack.asks(proxy(Request::get("/hunter2"))).await;
    let metrics = Request::get("/metrics").send(stack.running.admin_address).await;
    metrics.does_not_repeat("hunter2");
    metrics.does_not_repeat("BREW");
    let line = r#"http_requests_total{method="other",route="/v2/Webchat/Authorize",status="200",code=""} 4"#;
    assert!(metrics.text.lines().any(|found| found == line), "{}", metrics.text);
}
