//! The fingerprint with the feature on: another browser is rejected on every route, and a browser without the needed
//! headers is rejected before any upstream call.

use serde_json::json;

use crate::api::{
    CREATE, Fwo, OFF, ON, ON_LISTED, OPEN, REFRESH, SHOP, chrome, firefox,
    http::Request,
    is_refused, messages, orchestrator,
    scripted_peer::{Act, ScriptedPeer},
    user_agents::{LEVELS, at_level},
};

/// Every request that presents a token.
fn calls_with(token: &str, deployment: &str, conversation_sid: &str) -> Vec<Request> {
    vec![
        Request::post(REFRESH).json(&json!({"deploymentKey": deployment, "token": token})),
        Request::post(OPEN).bearer(token).json(&json!({})),
        Request::get(&messages(conversation_sid)).bearer(token),
        Request::post(&messages(conversation_sid)).bearer(token).json(&json!({"body": "Hello"})),
    ]
}

#[tokio::test]
async fn another_browser_is_rejected_on_every_route() {
    let fwo = Fwo::start().await;
    let token = fwo.token(ON_LISTED).await;
    let conversation_sid = fwo.opens_conversation(&token).await.member("conversation_sid");
    for call in calls_with(&token, ON_LISTED, &conversation_sid) {
        is_refused(&fwo.answers(firefox(call.clone())).await, 403, "fingerprint_invalid", SHOP);
        assert!(fwo.answers(chrome(call)).await.status < 300, "the guest's session continues");
    }
}

/// What browsers send with a same-origin GET: no `Origin`, and with the page's policy `no-referrer` no `Referer` either.
#[tokio::test]
async fn a_same_origin_get_without_origin_or_referer_continues_the_session() {
    for level in LEVELS {
        let fwo = at_level(level).await;
        let token = fwo.token(ON).await;
        let conversation_sid = fwo.opens_conversation(&token).await.member("conversation_sid");
        let path = messages(&conversation_sid);
        for path in [path.clone(), format!("{path}?after=0"), format!("{path}?after=0&wait=1")] {
            let read = || chrome(Request::get(&path).bearer(&token)).without("origin");
            let same_origin = read().header("sec-fetch-site", "same-origin").header("sec-fetch-mode", "cors");
            for (what, request) in [
                ("no Sec-Fetch-*", read()),
                ("no-referrer", same_origin.clone()),
                ("the page's Referer", same_origin.header("referer", "https://shop.example.com/cart")),
            ] {
                let answer = fwo.answers(request).await;
                assert_eq!(answer.status, 200, "{level}, {path}, {what}: {}", answer.text);
            }
            // What is shown must be the same.
            for elsewhere in [
                read().header("origin", "https://evil.example"),
                read().header("referer", "https://evil.example/"),
            ] {
                is_refused(&fwo.answers(elsewhere).await, 403, "fingerprint_invalid", "*");
            }
        }
        assert_eq!(fwo.refreshes_token(ON, &token).await.status, 200, "the session goes on");
    }
}

#[tokio::test]
async fn feature_off_ignores_the_fingerprint() {
    let fwo = Fwo::start().await;
    let token = fwo.token(OFF).await;
    let conversation_sid = fwo.opens_conversation(&token).await.member("conversation_sid");
    for call in calls_with(&token, OFF, &conversation_sid) {
        assert!(fwo.answers(firefox(call.clone())).await.status < 300);
        assert!(fwo.answers(call).await.status < 300, "not even whether a fingerprint exists");
    }
}

#[tokio::test]
async fn browsers_without_fingerprint_headers_are_rejected_without_an_upstream_call() {
    let (data, peer) = (tempfile::tempdir().unwrap(), ScriptedPeer::that(Act::Close).await);
    let fwo = orchestrator(&data, peer.address, |_| {}).await;
    let call = || chrome(Request::post(CREATE).json(&json!({"deploymentKey": ON_LISTED})));
    let with = |name: &str, value: &str| call().without(name).header(name, value);
    for request in [
        call().without("user-agent"),
        with("x-twilio-sec-usersettings", "hunter2"),
        with("x-twilio-sec-usersettings", r#"["hunter2"]"#),
        with("x-twilio-sec-webchatinfo", r#"{"loginTimestamp":"#),
        with("x-twilio-sec-webchatinfo", ""),
        with("x-twilio-sec-decoders", r#"{"audio":"hunter2"}"#),
    ] {
        let refused = request.send(fwo.address()).await;
        is_refused(&refused, 403, "fingerprint_unavailable", SHOP);
        refused.does_not_repeat("hunter2");
    }
    assert!(peer.seen().is_empty());
}

#[tokio::test]
async fn fingerprints_are_forwarded_only_with_the_feature_on() {
    let (data, peer) = (tempfile::tempdir().unwrap(), ScriptedPeer::that(Act::Close).await);
    let fwo = orchestrator(&data, peer.address, |_| {}).await;
    for deployment in [ON, OFF] {
        chrome(Request::post(CREATE).json(&json!({"deploymentKey": deployment}))).send(fwo.address()).await;
    }
    let [on, off] = peer.seen().try_into().unwrap();
    assert!(on.contains(r#""fingerprint":"fp2."#), "{on}");
    assert!(!off.contains("fingerprint"), "{off}");
}
