//! `POST /v2/Webchat/Token/Assertion` and `GET /.well-known/jwks.json`: admission, and faults of the operator. The diagrams
//! and the attacks are in `local-stack/tests/it/sequences/`.

use serde_json::json;

use crate::api::{
    ASSERTION, AUDIENCE, Fwo, ISSUER, OFF_LISTED, ON, ON_LISTED, SHOP, chrome, http::Request, is_refused,
};

fn ask(token: &str, audience: &str) -> Request {
    chrome(Request::post(ASSERTION)).bearer(token).json(&json!({"audience": audience}))
}

#[tokio::test]
async fn an_assertion_is_admitted_like_every_request_of_a_guest() {
    let fwo = Fwo::start().await;
    let (on, off) = (fwo.token(ON_LISTED).await, fwo.token(OFF_LISTED).await);
    for token in [&on, &off] {
        let answer = fwo.answers(ask(token, AUDIENCE)).await;
        assert_eq!((answer.status, answer.members()), (200, vec!["assertion".into(), "expires_in".into()]));
        assert_eq!(answer.header("access-control-allow-origin"), SHOP);
    }
    let elsewhere = ask(&on, AUDIENCE).without("origin").header("origin", "https://evil.example");
    fwo.answers(elsewhere).await.is_refusal(403, "origin_not_allowed");
    is_refused(
        &fwo.answers(ask(&on, AUDIENCE).without("user-agent")).await,
        403,
        "fingerprint_unavailable",
        SHOP,
    );
    is_refused(&fwo.answers(ask("hunter2", AUDIENCE)).await, 401, "invalid_token", "*");
    let without = Request::post(ASSERTION).json(&json!({"audience": AUDIENCE}));
    is_refused(&fwo.answers(chrome(without)).await, 401, "invalid_token", "*");
    let in_the_body =
        Request::post(ASSERTION).json(&json!({"audience": AUDIENCE, "token": on, "deploymentKey": ON}));
    is_refused(&fwo.answers(chrome(in_the_body)).await, 401, "invalid_token", "*");
    fwo.answers(Request::get(ASSERTION)).await.is_refusal(405, "method_not_allowed");
    let listed = fwo.answers(ask(&on, "https://orders.example.com")).await;
    is_refused(&listed, 400, "invalid_request", SHOP);
    assert!(listed.member("message").contains("`audience`"), "{}", listed.text);
}

#[tokio::test]
async fn an_account_that_lists_the_issuer_gets_no_assertion_for_it() {
    let fwo = Fwo::start().await;
    let token = fwo.token(ON).await;
    is_refused(&fwo.answers(ask(&token, ISSUER)).await, 502, "upstream_invalid", "*");
    assert_eq!(fwo.answers(ask(&token, AUDIENCE)).await.status, 200);
}

#[tokio::test]
async fn every_page_may_read_the_keys() {
    let fwo = Fwo::start().await;
    for origin in [SHOP, "https://evil.example"] {
        let answer = fwo.answers(Request::get("/.well-known/jwks.json").header("origin", origin)).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin").as_str()), (200, "*"));
        assert_eq!(answer.header("cache-control"), "max-age=300");
    }
    fwo.answers(Request::post("/.well-known/jwks.json")).await.is_refusal(405, "method_not_allowed");
}
