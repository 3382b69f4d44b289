//! The listener is for proxies that prove themselves, and for nobody else.

use test_support::http::Request;

use super::{
    ANSWERS, ONLY, ORDERS, OTHER_SECRET, PATH, SECRET, Stack, envoy, is_let_through, nginx, traefik,
};
use crate::api::{OFF, accounts};

const NAME: &str = "x-webchat-proxy-secret";

#[tokio::test]
async fn requests_without_a_secret_get_403_and_no_code() {
    let stack = Stack::start().await;
    let guest = stack.guest(OFF).await;
    let almost = &SECRET[..SECRET.len() - 1];
    let upper = SECRET.to_ascii_uppercase();
    let list = format!("{SECRET},{OTHER_SECRET}");
    let wrong: [&[&str]; 9] = [
        &[],
        &[""],
        &["wrong"],
        &[almost],
        &[&upper],
        &[&list],
        // A guest's header beside the proxy's.
        &[SECRET, "wrong"],
        &["wrong", SECRET],
        &[SECRET, SECRET],
    ];
    for secrets in wrong {
        for request in [
            nginx("GET", ORDERS),
            traefik("GET", ORDERS),
            envoy("GET", "/orders/7"),
            envoy("OPTIONS", "/orders/7"),
            Request::get(PATH),
            Request::get(ONLY),
            Request::get("/v2/Webchat/Token"),
            Request::get("/"),
        ] {
            let request = guest.sends(request.without(NAME));
            let request = secrets.iter().fold(request, |request, secret| request.header(NAME, secret));
            let answer = stack.asks(request.header("dpop", "forged")).await;
            assert_eq!(
                (answer.status, answer.members()),
                (403, ["valid", "message"].map(str::to_owned).to_vec())
            );
            assert_eq!(answer.header("cache-control"), "no-store");
            let never = [
                "x-webchat-code",
                "access-control-allow-origin",
                "dpop-nonce",
                "www-authenticate",
                "retry-after",
            ];
            for name in never.into_iter().chain(ANSWERS) {
                assert_eq!(answer.header(name), "", "{name} for {secrets:?}");
            }
            answer.does_not_repeat(SECRET);
        }
    }
}

#[tokio::test]
async fn every_listed_secret_is_accepted() {
    let stack = Stack::start().await;
    let guest = stack.guest(OFF).await;
    for secret in [SECRET, OTHER_SECRET] {
        let request = nginx("GET", ORDERS).without(NAME).header(NAME, secret);
        is_let_through(&stack.asks(guest.sends(request)).await);
    }
}

#[tokio::test]
async fn the_public_listener_does_not_answer_proxies() {
    let stack = Stack::start().await;
    let guest = stack.guest(OFF).await;
    for request in [nginx("GET", ORDERS), traefik("GET", ORDERS), envoy("GET", "/orders/7")] {
        let answer = guest.sends(request).send(stack.running.address()).await;
        assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
        assert_eq!(answer.header("x-webchat-identity"), "");
    }
}

#[tokio::test]
async fn the_listener_for_proxies_serves_nothing_else() {
    let stack = Stack::start().await;
    for path in ["/v2/Webchat/Token", "/v2/Webchat/Authorized", "/v2/Webchat", "/healthz", "/"] {
        let answer = stack.asks(super::proxy(Request::get(path))).await;
        super::is_refused(&answer, 404, "not_found");
    }
}

#[tokio::test]
async fn without_the_setting_there_is_no_listener() {
    let stack = Stack::with(&accounts(), |config| config.authorize = None).await;
    assert!(stack.running.additional_addresses().is_empty());
}
