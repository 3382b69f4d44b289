//! `POST /v2/Webchat/Token/Revoke`: the guest revokes the session. The response is the same whatever the token was.

use serde_json::json;

use crate::api::{
    Fwo, OFF, OFF_LISTED, ON, ON_DISABLED, ON_LISTED, REVOKE, SHOP, chrome, firefox,
    http::{Answer, Request},
    is_refused, messages,
};

fn revoke(deployment: &str, token: &str) -> Request {
    Request::post(REVOKE).json(&json!({"deploymentKey": deployment, "token": token}))
}

#[track_caller]
fn is_empty_success(answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (200, "{}"));
}

#[tokio::test]
async fn revoked_sessions_are_rejected_on_every_route() {
    let fwo = Fwo::start().await;
    for deployment in [ON_LISTED, OFF_LISTED] {
        let first = fwo.token(deployment).await;
        let token = fwo.refreshes_token(deployment, &first).await.member("token");
        let conversation_sid = fwo.opens_conversation(&token).await.member("conversation_sid");
        for _ in 0..2 {
            is_empty_success(&fwo.answers(chrome(revoke(deployment, &token))).await);
        }
        for token in [&first, &token] {
            for answer in [
                fwo.refreshes_token(deployment, token).await,
                fwo.opens_conversation(token).await,
                fwo.reads(token, &conversation_sid, "").await,
                fwo.says(token, &conversation_sid, &json!({"body": "Hello"})).await,
            ] {
                is_refused(&answer, 401, "revoked_token", SHOP);
            }
        }
        assert_eq!(fwo.creates_token(deployment).await.status, 200, "the guest may start a new session");
    }
}

#[tokio::test]
async fn success_means_that_the_session_is_over_or_the_token_is_none() {
    let fwo = Fwo::start().await;
    let (on, off) = (fwo.token(ON).await, fwo.token(OFF).await);
    // What `navigator.sendBeacon` can send: a form, and none of the headers of the fingerprint.
    let beacon = Request::post(REVOKE)
        .header("user-agent", "Mozilla/5.0")
        .form(&format!("deploymentKey={ON}&token={on}"));
    for request in [firefox(revoke(ON, &on)), beacon] {
        is_refused(&fwo.answers(request).await, 403, "fingerprint_invalid", "*");
    }
    let text = Request::post(REVOKE).body("text/plain", format!("deploymentKey={ON}&token={on}"));
    is_refused(&fwo.answers(chrome(text)).await, 415, "unsupported_media_type", "*");
    for request in [
        chrome(revoke(OFF, &on)),
        chrome(revoke(ON, &off)),
        chrome(revoke(ON, "hunter2")),
        chrome(revoke(ON_DISABLED, "hunter2")),
    ] {
        is_empty_success(&fwo.answers(request).await);
    }
    for token in [&on, &off] {
        assert_eq!(fwo.opens_conversation(token).await.status, 201);
    }
}

#[tokio::test]
async fn revoke_accepts_forms_in_three_naming_styles() {
    let fwo = Fwo::start().await;
    for (deployment, field) in
        [("deploymentKey", "token"), ("DeploymentKey", "Token"), ("deployment_key", "token")]
    {
        let token = fwo.token(OFF_LISTED).await;
        let form = Request::post(REVOKE).form(&format!("{deployment}={OFF_LISTED}&{field}={token}"));
        is_empty_success(&fwo.answers(form).await);
        let conversation = messages("CH00000000000000000000000000000001");
        let after = fwo.answers(chrome(Request::get(&conversation)).bearer(&token)).await;
        is_refused(&after, 401, "revoked_token", SHOP);
    }
}

#[tokio::test]
async fn malformed_requests_are_rejected() {
    let fwo = Fwo::start().await;
    let unknown = fwo.answers(chrome(revoke("CV000000000000000000000000000000ff", "x"))).await;
    is_refused(&unknown, 404, "deployment_key_not_found", "*");
    let evil = chrome(revoke(ON_LISTED, "x")).without("origin").header("origin", "https://evil.example");
    is_refused(&fwo.answers(evil).await, 403, "origin_not_allowed", crate::api::LIST);
    let missing = fwo.answers(chrome(Request::post(REVOKE)).form(&format!("deploymentKey={ON}"))).await;
    is_refused(&missing, 400, "invalid_request", "*");
    assert_eq!(missing.member("message"), "`token` is missing.");
}
