//! FederatedAuthService unreachable, slow or returning invalid responses: the page can read the error code, and the
//! request is not retried.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use crate::api::{
    ASSERTION, AUDIENCE, CREATE, Fwo, INIT, OFF_LISTED, ON_LISTED, OPEN, PATIENT, REFRESH, REVOKE, SHOP,
    chrome,
    http::{Answer, Request},
    is_refused, messages, orchestrator,
    scripted_peer::{Act, ClosedPort, ScriptedPeer, answer, kill},
};

/// Every public request that needs FederatedAuthService.
fn calls() -> Vec<Request> {
    let header = URL_SAFE_NO_PAD.encode(json!({"kid": format!("k.s.{ON_LISTED}")}).to_string());
    let token = format!("{header}..iv.text.tag");
    let messages = messages("CH00000000000000000000000000000001");
    let calls = [
        Request::post(CREATE).json(&json!({"deploymentKey": ON_LISTED})),
        Request::post(REFRESH).json(&json!({"deploymentKey": OFF_LISTED, "token": "a-token"})),
        Request::post(REVOKE).json(&json!({"deploymentKey": ON_LISTED, "token": "a-token"})),
        Request::post(INIT).form(&format!("DeploymentKey={ON_LISTED}")),
        Request::post(OPEN).bearer(&token).json(&json!({})),
        Request::get(&messages).bearer(&token),
        Request::post(&messages).bearer(&token).json(&json!({"body": "Hello"})),
        Request::post(ASSERTION).bearer(&token).json(&json!({"audience": AUDIENCE})),
    ];
    calls.map(chrome).into()
}

/// The response to each request for one behaviour of the peer, and how many requests the peer received.
async fn answers(act: &Act, timeout: Duration) -> Vec<(Answer, usize)> {
    let data = tempfile::tempdir().unwrap();
    let peer = ScriptedPeer::that(act.clone()).await;
    let fwo = orchestrator(&data, peer.address, |config| config.federated_auth.timeout = timeout).await;
    let mut answers = Vec::new();
    for call in calls() {
        let before = peer.seen().len();
        answers.push((call.send(fwo.address()).await, peer.seen().len() - before));
    }
    answers
}

fn refusal(code: &str) -> String {
    json!({"valid": false, "code": code, "message": "hunter2"}).to_string()
}

#[tokio::test]
async fn upstream_failures_map_to_their_error_code_without_retry() {
    let redirect = answer(302, "location: http://127.0.0.1:1/\r\n", "");
    let chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000)).into_bytes();
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec();
    for (what, act, status, code) in [
        ("not HTTP", Act::Send(b"\x16\x03\x01hunter2\r\n\r\n".to_vec()), 502, "upstream_invalid"),
        ("other JSON", Act::json(200, r#"{"hunter2":true}"#), 502, "upstream_invalid"),
        (
            "an error page",
            Act::Send(answer(500, "content-type: text/html\r\n", "<p>hunter2")),
            502,
            "upstream_invalid",
        ),
        ("a redirect", Act::Send(redirect), 502, "upstream_invalid"),
        ("an endless body", Act::SendEndlessly(chunks, chunk), 502, "upstream_invalid"),
        (
            "our credential refused",
            Act::json(401, &refusal("invalid_service_credential")),
            502,
            "upstream_invalid",
        ),
        ("a client error", Act::json(400, &refusal("invalid_request")), 502, "upstream_invalid"),
        (
            "its upstream unreachable",
            Act::json(503, &refusal("upstream_unavailable")),
            503,
            "upstream_unavailable",
        ),
        ("its upstream slow", Act::json(504, &refusal("upstream_timeout")), 504, "upstream_timeout"),
        ("closing at once", Act::Close, 503, "upstream_unavailable"),
        ("closing in the middle", Act::Send(half), 503, "upstream_unavailable"),
    ] {
        for (answer, requests) in answers(&act, PATIENT).await {
            is_refused(&answer, status, code, SHOP);
            answer.does_not_repeat("hunter2");
            assert_eq!(requests, 1, "{what}");
        }
    }
}

/// Create, revoke and init do not declare `revoked_token`; the other endpoints pass it on.
#[tokio::test]
async fn undeclared_errors_of_an_upstream_are_invalid() {
    let answers = answers(&Act::json(401, &refusal("revoked_token")), PATIENT).await;
    let statuses: Vec<_> = answers.iter().map(|(answer, _)| answer.status).collect();
    assert_eq!(statuses, [502, 401, 502, 502, 401, 401, 401, 401]);
    for (answer, _) in answers {
        let code = if answer.status == 502 { "upstream_invalid" } else { "revoked_token" };
        is_refused(&answer, answer.status, code, SHOP);
    }
}

#[tokio::test]
async fn slow_upstream_times_out() {
    for (answer, requests) in answers(&Act::never_respond(), Duration::from_millis(200)).await {
        is_refused(&answer, 504, "upstream_timeout", SHOP);
        assert_eq!(requests, 1);
    }
}

#[tokio::test]
async fn unreachable_upstream_is_unavailable() {
    let data = tempfile::tempdir().unwrap();
    let closed = ClosedPort::reserve();
    let fwo = orchestrator(&data, closed.address, |_| {}).await;
    for call in calls() {
        let answer = call.send(fwo.address()).await;
        is_refused(&answer, 503, "upstream_unavailable", SHOP);
        assert_eq!(answer.header("retry-after"), "1");
    }
}

#[tokio::test]
async fn failures_of_the_upstreams_upstream_are_reported() {
    let Fwo { running: fwo, federated_auth, scoped_auth, _data, .. } = Fwo::start().await;
    kill(scoped_auth).await;
    for call in calls() {
        is_refused(&call.send(fwo.address()).await, 503, "upstream_unavailable", SHOP);
    }
    kill(federated_auth).await;
    for call in calls() {
        is_refused(&call.send(fwo.address()).await, 503, "upstream_unavailable", SHOP);
    }
}

#[tokio::test]
async fn upstream_rejecting_our_credential_is_an_invalid_response() {
    let wrong = crate::api::credential("a-secret-that-nobody-knows");
    let fwo = Fwo::with(|config| config.federated_auth.credential = Some(wrong)).await;
    for call in calls() {
        is_refused(&fwo.answers(call).await, 502, "upstream_invalid", SHOP);
    }
}
