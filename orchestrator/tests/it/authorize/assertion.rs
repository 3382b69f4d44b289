//! The assertion for the service behind the proxy: for the audience that the proxy names, and no other.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use test_support::http::Request;

use super::{ORDERS, PATH, Stack, envoy, is_let_through, is_refused, proxy, traefik};
use crate::api::{AUDIENCE, OFF, ON};

const OPTIONS: &str = "x-webchat-options";

/// Asks as nginx, with these options.
fn nginx_with(options: &str) -> Request {
    let request = proxy(Request::get(&format!("{PATH}?{options}")));
    request.header("x-original-method", "GET").header("x-original-url", ORDERS)
}

/// The part of a JWS with this index.
fn part(jws: &str, index: usize) -> Value {
    let encoded = jws.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

#[tokio::test]
async fn an_answer_has_an_assertion_for_the_audience_of_the_proxy() {
    let stack = Stack::start().await;
    for deployment in [OFF, ON] {
        let guest = stack.guest(deployment).await;
        let conversation = guest.opens().await;
        let of_envoy = envoy("GET", "/orders/7").header(OPTIONS, format!("audience={AUDIENCE}"));
        for request in [nginx_with(&format!("audience={AUDIENCE}&only=401,403")), of_envoy] {
            let answer = stack.asks(guest.sends(request)).await;
            is_let_through(&answer);
            let jws = answer.header("x-webchat-assertion");
            assert_eq!(part(&jws, 0)["typ"], "guest-assertion+jwt");
            let claims = part(&jws, 1);
            assert_eq!(claims["aud"], AUDIENCE);
            assert_eq!(claims["sub"], guest.identity);
            assert_eq!(claims["conversation_sid"], conversation);
            assert_eq!(claims["sid"], answer.header("x-webchat-session"));
        }
    }
}

#[tokio::test]
async fn a_guest_cannot_choose_the_audience() {
    let stack = Stack::start().await;
    let guest = stack.guest(OFF).await;
    let url = format!("https://api.example.com/orders?audience={AUDIENCE}");
    let answer = stack.asks(guest.sends(traefik("GET", &url))).await;
    is_let_through(&answer);
    assert_eq!(answer.header("x-webchat-assertion"), "none");
    let answer = stack.asks(guest.sends(envoy("GET", &format!("/orders?audience={AUDIENCE}")))).await;
    is_let_through(&answer);
    assert_eq!(answer.header("x-webchat-assertion"), "none");
}

#[tokio::test]
async fn an_audience_that_the_account_does_not_list_is_refused() {
    let stack = Stack::start().await;
    let guest = stack.guest(OFF).await;
    for audience in ["https://orders.example.com", "webchat", "%00"] {
        let asked = stack.asks(guest.sends(nginx_with(&format!("audience={audience}")))).await;
        is_refused(&asked, 400, "invalid_request");
        let asked = guest.sends(nginx_with(&format!("audience={audience}&only=401,403")));
        is_refused(&stack.asks(asked).await, 403, "invalid_request");
    }
    // Only an authentic token learns what an account lists.
    let stranger = nginx_with("audience=https://orders.example.com").bearer("hunter2");
    is_refused(&stack.asks(stranger).await, 401, "invalid_token");
}
