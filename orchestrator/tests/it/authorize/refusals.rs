//! Refusals carry their code as each proxy can pass it on. nginx knows 401 and 403 and makes a 500 of every other status.

use super::{ORDERS, PATH, Stack, envoy, is_refused, nginx, traefik};
use crate::api::{OFF, ON, ON_DISABLED, accounts, chrome, firefox};

/// A token that names this deployment, and is not authentic.
fn forged_for(deployment: &str) -> String {
    let header =
        serde_json::json!({"alg": "dir", "enc": "A256GCM", "kid": format!("enc-1.c2FsdA.{deployment}")});
    let header = crate::dpop::prover::base64url(header.to_string());
    format!("{header}..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA")
}

#[tokio::test]
async fn refusals_have_the_status_of_their_code() {
    let stack = Stack::start().await;
    let guest = stack.guest(ON).await;
    for asks in [nginx, traefik, |method: &str, _: &str| envoy(method, "/orders/7")] {
        let asks = || asks("GET", ORDERS);
        is_refused(&stack.asks(chrome(asks())).await, 401, "invalid_token");
        for token in ["hunter2", &forged_for(ON), &forged_for("CV000000000000000000000000000000ff")] {
            let answer = stack.asks(chrome(asks()).bearer(token)).await;
            is_refused(&answer, 401, "invalid_token");
            answer.does_not_repeat("hunter2");
        }
        let disabled = chrome(asks()).bearer(&forged_for(ON_DISABLED));
        is_refused(&stack.asks(disabled).await, 403, "deployment_key_disabled");
        let other_browser = firefox(asks()).bearer(&guest.token);
        is_refused(&stack.asks(other_browser).await, 403, "fingerprint_invalid");
        let blind = guest.sends(asks()).without("user-agent");
        is_refused(&stack.asks(blind).await, 403, "fingerprint_unavailable");
    }
}

#[tokio::test]
async fn for_nginx_every_other_status_is_403() {
    let text =
        accounts().replace("enabled =", "rate_limits = { visitor_authorize_per_minute = 4 }\nenabled =");
    let stack = Stack::with(&text, |_| {}).await;
    let guest = stack.guest(OFF).await;
    let malformed = guest.sends(nginx("GET", "/orders/7"));
    is_refused(&stack.asks(malformed).await, 403, "invalid_request");
    let wrong_path = guest.sends(nginx("GET", ORDERS)).at("/v2/Webchat/Nothing?only=401,403");
    is_refused(&stack.asks(wrong_path).await, 403, "not_found");
    // A status that nginx passes on, with its challenge.
    let answer = stack.asks(nginx("GET", ORDERS)).await;
    is_refused(&answer, 401, "invalid_token");
    assert!(answer.header("www-authenticate").starts_with("Bearer "));

    stack.federated_auth_stops().await;
    for _ in 0..2 {
        is_refused(&stack.asks(guest.sends(traefik("GET", ORDERS))).await, 503, "upstream_unavailable");
        is_refused(&stack.asks(guest.sends(nginx("GET", ORDERS))).await, 403, "upstream_unavailable");
    }
    let answer = stack.asks(guest.sends(traefik("GET", ORDERS))).await;
    is_refused(&answer, 429, "rate_limited");
    assert!(!answer.header("retry-after").is_empty());
    is_refused(&stack.asks(guest.sends(nginx("GET", ORDERS))).await, 403, "rate_limited");
    let envoy = guest.sends(envoy("GET", "/orders/7")).header("x-webchat-options", "only=401,403");
    is_refused(&stack.asks(envoy).await, 403, "rate_limited");
}

#[tokio::test]
async fn malformed_options_are_refused_as_they_are() {
    let stack = Stack::start().await;
    let guest = stack.guest(OFF).await;
    for query in
        ["only=401", "only=200,401,403", "only=401,403&only=401,403", "only=401,403&q=1", "audience="]
    {
        let request = guest.sends(nginx("GET", ORDERS)).at(&format!("{PATH}?{query}"));
        is_refused(&stack.asks(request).await, 400, "invalid_request");
    }
}

#[tokio::test]
async fn pages_can_read_what_proxies_pass_on() {
    let stack = Stack::start().await;
    let answer = stack.asks(chrome(traefik("GET", ORDERS)).bearer("hunter2")).await;
    is_refused(&answer, 401, "invalid_token");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("vary"), "Origin");
}
