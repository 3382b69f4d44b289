//! Properties of every response of the public routes, and responses to wrong methods.

use chrono::{DateTime, TimeDelta};
use serde_json::json;

use crate::api::{
    ASSERTION, AUDIENCE, CREATE, Fwo, INIT, OFF, OPEN, REFRESH, REVOKE, chrome,
    http::Request,
    is_refused, messages, orchestrator,
    scripted_peer::{Act, ScriptedPeer},
};

const CONVERSATION: &str = "CH00000000000000000000000000000001";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn every_response_has_request_id_no_store_and_vary_origin() {
    let fwo = Fwo::start().await;
    let token = fwo.token(OFF).await;
    let conversation_sid = fwo.opens_conversation(&token).await.member("conversation_sid");
    let deployment = json!({"deploymentKey": OFF});
    for (call, status) in [
        (Request::post(CREATE).json(&deployment), 200),
        (Request::post(REFRESH).json(&json!({"deploymentKey": OFF, "token": token})), 200),
        (Request::post(REVOKE).json(&json!({"deploymentKey": OFF, "token": "no-token"})), 200),
        (Request::post(INIT).form(&format!("DeploymentKey={OFF}")), 201),
        (Request::post(OPEN).bearer(&token).json(&json!({})), 201),
        (Request::post(ASSERTION).bearer(&token).json(&json!({"audience": AUDIENCE})), 200),
        (Request::get(&messages(&conversation_sid)).bearer(&token), 200),
        (Request::post(&messages(&conversation_sid)).bearer(&token).json(&json!({"body": "Hello"})), 201),
        (Request::get("/V1/Configuration/Public?AccountSid=AC00000000000000000000000000000001"), 200),
        (Request::post(CREATE).json(&json!({})), 400),
        (Request::post(OPEN).json(&json!({})), 401),
        (Request::get("/nowhere"), 404),
        (Request::get(CREATE), 405),
        (Request::new("OPTIONS", CREATE), 204),
    ] {
        for call in [call.clone(), call.header("origin", "https://evil.example")] {
            let answer = fwo.answers(call.clone().header("request-id", "of-the-page")).await;
            assert_eq!(answer.status, status, "{call:?}");
            for (name, value) in
                [("request-id", "of-the-page"), ("vary", "Origin"), ("cache-control", "no-store")]
            {
                assert_eq!(answer.header(name), value, "{call:?}");
            }
            let made = fwo.answers(call).await.header("request-id");
            assert!(made.len() == 32 && made.bytes().all(|b| b.is_ascii_hexdigit()), "{made}");
        }
    }
}

#[tokio::test]
async fn cors_exposes_the_headers_that_clients_need() {
    let fwo = Fwo::start().await;
    for answer in [fwo.creates_token(OFF).await, fwo.opens_conversation("hunter2").await] {
        assert_eq!(
            answer.header("access-control-expose-headers"),
            "allow, date, dpop-nonce, ratelimit, ratelimit-policy, request-id, retry-after, www-authenticate"
        );
    }
}

/// A page with a wrong clock makes proofs with a wrong time; the error response gives it the right one.
#[tokio::test]
async fn a_401_carries_the_servers_time() {
    let fwo = Fwo::start().await;
    fwo.clock.advance(TimeDelta::hours(31));
    let before = fwo.clock.now() - TimeDelta::seconds(1);
    let answer = fwo.opens_conversation("hunter2").await;
    assert_eq!(answer.status, 401);
    let date = answer.header("date");
    assert!(date.ends_with(" GMT"), "{date}");
    let date_header = DateTime::parse_from_rfc2822(&date).unwrap();
    assert!(date_header >= before && date_header <= fwo.clock.now(), "{date}");
}

#[tokio::test]
async fn unknown_routes_return_404() {
    let fwo = Fwo::start().await;
    for call in [
        Request::get("/"),
        Request::post("/v2/Webchat"),
        Request::post("/v2/webchat/token"),
        Request::post("/v1/Webchat/Token"),
        Request::post("/v2/Webchat/Token/"),
        Request::new("OPTIONS", "/v2/Nowhere"),
        Request::get("/v2/../etc/passwd"),
        Request::post("/v1/Accounts/AC00000000000000000000000000000001/Tokens"),
    ] {
        is_refused(&fwo.answers(chrome(call)).await, 404, "not_found", "*");
    }
}

#[tokio::test]
async fn wrong_methods_return_405_with_allow() {
    let fwo = Fwo::start().await;
    let messages = messages(CONVERSATION);
    for (method, path, allowed) in [
        ("GET", CREATE, "POST, OPTIONS"),
        ("PUT", REFRESH, "POST, OPTIONS"),
        ("GET", "/v2/Webchat/Tokens/Refresh", "POST, OPTIONS"),
        ("GET", REVOKE, "POST, OPTIONS"),
        ("GET", INIT, "POST, OPTIONS"),
        ("DELETE", OPEN, "POST, OPTIONS"),
        ("PATCH", &messages, "GET, HEAD, POST, OPTIONS"),
        ("BREW", &messages, "GET, HEAD, POST, OPTIONS"),
        ("POST", "/V1/Configuration/Public", "GET, HEAD, OPTIONS"),
    ] {
        let answer = fwo.answers(chrome(Request::new(method, path))).await;
        is_refused(&answer, 405, "method_not_allowed", "*");
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn upstream_calls_carry_request_id_trace_and_service_credential() {
    let (data, peer) = (tempfile::tempdir().unwrap(), ScriptedPeer::that(Act::Close).await);
    let fwo = orchestrator(&data, peer.address, |_| {}).await;
    let call = Request::post(CREATE)
        .json(&json!({"deploymentKey": OFF}))
        .header("request-id", "of-the-page")
        .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
        .header("cookie", "hunter2");
    call.send(fwo.address()).await;
    let header = |name| peer.header_seen(0, name).unwrap_or_default();
    assert_eq!(header("request-id"), "of-the-page");
    assert!(header("traceparent").starts_with(&format!("00-{TRACE}-")), "{}", header("traceparent"));
    assert_eq!(header("authorization"), format!("Bearer {}", crate::api::ORCHESTRATOR_SECRET));
    let [seen] = peer.seen().try_into().unwrap();
    assert!(
        seen.starts_with("POST /v1/Accounts/AC00000000000000000000000000000002/Tokens HTTP/1.1\r\n"),
        "{seen}"
    );
    assert!(!seen.contains("hunter2"), "nothing of the page's own goes along");
}
