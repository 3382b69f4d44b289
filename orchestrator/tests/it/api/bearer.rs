//! Bearer tokens on the conversation routes: every token that belongs to none of our deployments gets the same 401, and
//! a token is allowed what its deployment is allowed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use crate::api::{
    Fwo, OFF, OFF_LISTED, ON, ON_DISABLED, ON_LISTED, OPEN, SHOP, chrome,
    http::{Answer, Request},
    is_refused, messages,
};

const CONVERSATION: &str = "CH00000000000000000000000000000001";

fn calls() -> [Request; 3] {
    [
        Request::post(OPEN).json(&json!({"customerFriendlyName": "Ada"})),
        Request::get(&messages(CONVERSATION)),
        Request::post(&messages(CONVERSATION)).json(&json!({"body": "Hello"})),
    ]
    .map(chrome)
}

/// The responses of all three routes to the request that `call` makes from theirs.
async fn answers(fwo: &Fwo, change: impl Fn(Request) -> Request) -> Vec<Answer> {
    let mut answers = Vec::new();
    for call in calls() {
        answers.push(fwo.answers(change(call)).await);
    }
    answers
}

/// A forged text that names this deployment.
fn forged_for(deployment: &str) -> String {
    let header = json!({"alg": "dir", "enc": "A256GCM", "kid": format!("enc-1.c2FsdA.{deployment}")});
    format!("{}..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[tokio::test]
async fn requests_without_a_token_are_rejected() {
    let fwo = Fwo::start().await;
    for (scheme, credential) in [
        ("x-none", ""),
        ("authorization", ""),
        ("authorization", "Bearer"),
        ("authorization", "Basic QWRhOg=="),
    ] {
        for answer in answers(&fwo, |call| call.header(scheme, credential)).await {
            is_refused(&answer, 401, "invalid_token", "*");
            assert!(answer.header("www-authenticate").starts_with("Bearer "));
        }
    }
}

#[tokio::test]
async fn tokens_naming_no_known_deployment_are_invalid_without_an_upstream_call() {
    let fwo = Fwo::start().await;
    let unknown = forged_for("CV000000000000000000000000000000ff");
    let of_no_form = forged_for("hunter2");
    let no_kid = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#) + ".e30.AAAA";
    let too_long = "x".repeat(8 * 1024 + 1);
    for token in ["hunter2", "a.b.c", "....", &unknown, &of_no_form, &no_kid, &too_long, "Zm9v.\u{e9}"] {
        for answer in answers(&fwo, |call| call.bearer(token)).await {
            is_refused(&answer, 401, "invalid_token", "*");
            answer.does_not_repeat("hunter2");
            answer.does_not_repeat("CV0");
        }
    }
}

#[tokio::test]
async fn tokens_relabelled_for_another_deployment_are_invalid() {
    let fwo = Fwo::start().await;
    let good = fwo.token(ON).await;
    let (header, rest) = good.split_once('.').unwrap();
    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    for deployment in [ON_LISTED, OFF_LISTED] {
        let moved = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.replace(ON, deployment)));
        for token in [moved, forged_for(deployment)] {
            for answer in answers(&fwo, |call| call.bearer(&token)).await {
                is_refused(&answer, 401, "invalid_token", SHOP);
            }
        }
    }
}

#[tokio::test]
async fn disabling_a_deployment_stops_its_conversations_at_once() {
    let fwo = Fwo::start().await;
    for answer in answers(&fwo, |call| call.bearer(&forged_for(ON_DISABLED))).await {
        is_refused(&answer, 403, "deployment_key_disabled", SHOP);
    }
}

#[tokio::test]
async fn unlisted_origins_are_rejected_with_the_feature_on() {
    let fwo = Fwo::start().await;
    let list = crate::api::LIST;
    let evil = |call: Request| call.without("origin").header("origin", "https://evil.example");
    for answer in answers(&fwo, |call| evil(call).bearer(&forged_for(ON_LISTED))).await {
        is_refused(&answer, 403, "origin_not_allowed", list);
    }
    for answer in answers(&fwo, |call| evil(call).bearer(&forged_for(OFF_LISTED))).await {
        is_refused(&answer, 401, "invalid_token", list);
    }
}

#[tokio::test]
async fn the_authorization_scheme_is_case_insensitive() {
    let fwo = Fwo::start().await;
    let token = fwo.token(OFF).await;
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let call =
            chrome(Request::post(OPEN).json(&json!({}))).header("authorization", format!("{scheme} {token}"));
        assert_eq!(fwo.answers(call).await.status, 201, "{scheme}");
    }
}
