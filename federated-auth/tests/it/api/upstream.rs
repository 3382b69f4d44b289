//! ScopedAuthService unreachable, slow or returning invalid responses: FederatedAuthService maps each to its error code
//! and does not retry.

use std::time::Duration;

use serde_json::{Value, json};
use service_runtime::Listeners;

use crate::api::{
    ACCOUNT, DEPLOYMENT, FEDERATED_AUTH_SECRET, Fas, ORCHESTRATOR_SECRET, deployment, federated_auth,
    http::{Answer, Request},
    refreshing,
    scripted_peer::{Act, ClosedPort, ScriptedPeer, answer, kill},
    services,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The response of each route, each from a new service.
async fn answers(script: &[Act], timeout: Duration) -> Vec<(Answer, Vec<String>)> {
    let mut answers = Vec::new();
    for (route, fields) in [
        ("", deployment()),
        ("/refresh", refreshing(&json!({"token": "a-token"}))),
        ("/revoke", json!({"token": "a-token"})),
        ("/validate", json!({"token": "a-token"})),
    ] {
        let scripted = ScriptedPeer::with(script.to_vec()).await;
        let fas = federated_auth(scripted.address, |config| config.scoped_auth.timeout = timeout);
        let request = Request::post(&format!("/v1/Accounts/{ACCOUNT}/Tokens{route}")).json(&fields);
        let answer = request.bearer(ORCHESTRATOR_SECRET).send(fas.address()).await;
        answers.push((answer, scripted.seen()));
    }
    answers
}

const PATIENT: Duration = Duration::from_secs(10);

fn refusal(code: &str) -> String {
    json!({"valid": false, "code": code, "message": "hunter2"}).to_string()
}

#[tokio::test]
async fn upstream_failures_map_to_their_error_code_without_retry() {
    let redirect = answer(307, "location: http://127.0.0.1:1/\r\n", "");
    let chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000)).into_bytes();
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec();
    for (what, act, status, code) in [
        ("not HTTP", Act::Send(b"hunter2\r\n\r\n".to_vec()), 502, "upstream_invalid"),
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
        ("an internal error", Act::json(500, &refusal("internal_error")), 502, "upstream_invalid"),
        ("closing at once", Act::Close, 503, "upstream_unavailable"),
        ("closing in the middle", Act::Send(half), 503, "upstream_unavailable"),
    ] {
        for (answer, seen) in answers(&[act], PATIENT).await {
            answer.is_refusal(status, code);
            answer.does_not_repeat("hunter2");
            assert_eq!(seen.len(), 1, "{what}");
        }
    }
}

#[tokio::test]
async fn slow_upstream_times_out() {
    for (answer, seen) in answers(&[Act::never_respond()], Duration::from_millis(200)).await {
        answer.is_refusal(504, "upstream_timeout");
        assert_eq!(seen.len(), 1);
    }
}

#[tokio::test]
async fn unreachable_upstream_is_unavailable() {
    let closed = ClosedPort::reserve();
    let fas = federated_auth(closed.address, |_| {});
    let request = Request::post(&format!("/v1/Accounts/{ACCOUNT}/Tokens")).json(&deployment());
    let answer = request.bearer(ORCHESTRATOR_SECRET).send(fas.address()).await;
    answer.is_refusal(503, "upstream_unavailable");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn stopped_upstream_is_unavailable_until_it_restarts() {
    let Fas { running: fas, scoped_auth, clock, data } = Fas::start().await;
    let ask = async || {
        let request = Request::post(&format!("/v1/Accounts/{ACCOUNT}/Tokens")).json(&deployment());
        request.bearer(ORCHESTRATOR_SECRET).send(fas.address()).await
    };
    assert_eq!(ask().await.status, 200);
    let (service, admin) = (scoped_auth.address(), scoped_auth.admin_address);
    kill(scoped_auth).await;
    for _ in 0..2 {
        ask().await.is_refusal(503, "upstream_unavailable");
    }
    let config = services::scoped_auth(data.path(), &clock);
    let _back = scoped_auth::start(config, Listeners::bind(service, admin).unwrap()).await.unwrap();
    assert_eq!(ask().await.status, 200);
}

#[tokio::test]
async fn refresh_is_one_upstream_call_and_must_return_a_successor() {
    let id = "c1a3d1a0-7f0f-4b0e-9b9a-3f5f1f6f7a01";
    let sid: shared_types::AccountSid = ACCOUNT.parse().unwrap();
    let mut verdict = json!({
        "authorized": true, "auth_account": {"account_id": sid.account_id(), "account_sid": sid}, "grants": [],
        "identity": id, "expiration": "2030-01-01T00:00:00Z", "session_id": id, "session_hash": "00112233445566778899aabbccddeeff",
        "auth_time": "2030-01-01T00:00:00Z", "bound": false,
    });
    for (successor, status) in [
        (Value::Null, 502),
        (
            json!({"token": "y", "expiration": "2030-01-01T06:00:00Z", "expires_in": 7, "refresh_after": 5}),
            200,
        ),
    ] {
        if !successor.is_null() {
            verdict["successor"] = successor;
        }
        let scripted = ScriptedPeer::that(Act::json(200, &verdict.to_string())).await;
        let fas = federated_auth(scripted.address, |_| {});
        let request = Request::post(&format!("/v1/Accounts/{ACCOUNT}/Tokens/refresh"))
            .json(&refreshing(&json!({"token": "x", "fingerprint": "fp2.some", "jkt": "A".repeat(43)})));
        let answer = request.bearer(ORCHESTRATOR_SECRET).send(fas.address()).await;
        if status == 502 {
            answer.is_refusal(502, "upstream_invalid");
        } else {
            assert_eq!((answer.status, answer.member("token").as_str()), (200, "y"));
            assert_eq!(answer.member("expiration"), "2030-01-01T06:00:00Z", "the successor's");
        }
        let [seen] = scripted.seen().try_into().unwrap();
        assert!(seen.starts_with("POST /v1/ScopedAuthTokens/validate "), "{seen}");
        let body: Value = serde_json::from_str(seen.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        let successor = json!({"accountSid": ACCOUNT, "deploymentKey": DEPLOYMENT, "ttl": crate::api::TTL});
        let sent =
            json!({"token": "x", "fingerprint": "fp2.some", "jkt": "A".repeat(43), "successor": successor});
        assert_eq!(body, sent);
    }
}

#[tokio::test]
async fn upstream_calls_carry_request_id_trace_and_service_credential() {
    let scripted = ScriptedPeer::that(Act::Close).await;
    let fas = federated_auth(scripted.address, |_| {});
    let mut fields = deployment();
    fields["fingerprint"] = "fp2.a-fingerprint".into();
    let request = Request::post(&format!("/v2/Accounts/{ACCOUNT}/Tokens"))
        .json(&fields)
        .bearer(ORCHESTRATOR_SECRET)
        .header("request-id", "of-the-guest")
        .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
    let answer = request.send(fas.address()).await;
    assert_eq!(answer.header("request-id"), "of-the-guest");
    let header = |name| scripted.header_seen(0, name).unwrap_or_default();
    assert_eq!(header("request-id"), "of-the-guest");
    assert!(header("traceparent").starts_with(&format!("00-{TRACE}-")), "{}", header("traceparent"));
    assert_eq!(header("authorization"), format!("Bearer {FEDERATED_AUTH_SECRET}"));
    let body: Value = serde_json::from_str(scripted.seen()[0].split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let names: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["accountSid", "grants", "ttl", "encrypt", "fingerprint"]);
    assert_eq!((&body["encrypt"], &body["ttl"]), (&json!(true), &json!(crate::api::TTL)));
    assert_eq!(body["fingerprint"], "fp2.a-fingerprint");
}
