//! FlexWebchatOrchestratorService's admin listener: ready when FederatedAuthService is reachable and accepts its
//! credential.

use std::fs;

use serde_json::json;

use crate::api::{
    CREATE, Fwo, OFF, ON, chrome, credential,
    http::{Answer, Request},
    is_refused, orchestrator,
    scripted_peer::{ClosedPort, kill},
};

fn is_not_ready(answer: &Answer, reason: &str) {
    assert_eq!((answer.status, answer.member("status").as_str()), (503, "not ready"));
    assert!(answer.member("reason").contains(reason), "{}", answer.text);
}

#[tokio::test]
async fn readiness_follows_federated_auth() {
    let fwo = Fwo::start().await;
    let admin = fwo.running.admin_address;
    let ready = Request::get("/readyz").send(admin).await;
    assert_eq!((ready.status, ready.member("status").as_str()), (200, "ready"));
    kill(fwo.federated_auth).await;
    is_not_ready(&Request::get("/readyz").send(admin).await, "FederatedAuthService cannot be reached");
    assert_eq!(Request::get("/healthz").send(admin).await.member("status"), "up", "it is well all the same");

    let data = tempfile::tempdir().unwrap();
    let closed = ClosedPort::reserve();
    let fwo = orchestrator(&data, closed.address, |_| {}).await;
    is_not_ready(
        &Request::get("/readyz").send(fwo.admin_address).await,
        "FederatedAuthService cannot be reached",
    );
}

#[tokio::test]
async fn unknown_secret_makes_it_unready_at_federated_auth() {
    let wrong = credential("a-secret-that-nobody-knows");
    let fwo = Fwo::with(|config| config.federated_auth.credential = Some(wrong)).await;
    let answer = Request::get("/readyz").send(fwo.running.admin_address).await;
    is_not_ready(&answer, "FederatedAuthService responded 401");
    answer.does_not_repeat("a-secret-that-nobody-knows");
}

#[tokio::test]
async fn metrics_count_requests_and_upstream_calls_without_identities() {
    let fwo = Fwo::start().await;
    let token = fwo.token(ON).await;
    fwo.token(OFF).await;
    fwo.refreshes_token(ON, "hunter2").await;
    let conversation_sid = fwo.opens_conversation(&token).await.member("conversation_sid");
    fwo.says(&token, &conversation_sid, &json!({"body": "hunter2"})).await;
    fwo.answers(chrome(Request::get("/hunter2"))).await;
    fwo.answers(chrome(Request::new("OPTIONS", CREATE))).await;
    let metrics = Request::get("/metrics").send(fwo.running.admin_address).await;
    for line in [
        r#"http_requests_total{method="POST",route="/v2/Webchat/Token",status="200",code=""} 2"#,
        r#"http_requests_total{method="POST",route="/v2/Webchat/Token/Refresh",status="401",code="invalid_token"} 1"#,
        r#"http_requests_total{method="POST",route="/v2/WebChannels",status="201",code=""} 1"#,
        r#"http_requests_total{method="GET",route="unmatched",status="404",code="not_found"} 1"#,
        r#"http_request_duration_seconds_count{method="POST",route="/v2/Webchat/Token"} 2"#,
        r#"upstream_calls_total{peer="FederatedAuthService",message="create_token",outcome="answered"} 2"#,
        r#"upstream_calls_total{peer="FederatedAuthService",message="refresh_token",outcome="refused"} 1"#,
        r#"upstream_calls_total{peer="FederatedAuthService",message="validate_token",outcome="answered"} 2"#,
    ] {
        assert!(metrics.text.lines().any(|found| found == line), "missing line {line}\nin\n{}", metrics.text);
    }
    // Accounts are labels of the counters of conversations and messages; guests are not.
    let identity = fwo.opens_conversation(&token).await.member("identity");
    for secret in ["hunter2", ON, &conversation_sid, &token, &identity] {
        metrics.does_not_repeat(secret);
    }
}

#[tokio::test]
async fn admin_and_public_routes_are_on_separate_ports() {
    let fwo = Fwo::start().await;
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        is_refused(&fwo.answers(Request::get(path)).await, 404, "not_found", "*");
    }
    let create = Request::post(CREATE).json(&json!({"deploymentKey": OFF}));
    assert_eq!(create.send(fwo.running.admin_address).await.status, 404);
}

#[tokio::test]
async fn the_admin_listener_describes_the_api() {
    let fwo = Fwo::start().await;
    let served = Request::get("/openapi.json").send(fwo.running.admin_address).await;
    assert_eq!((served.status, served.header("content-type").as_str()), (200, "application/json"));
    let written = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json")).unwrap();
    assert_eq!(served.text, written);
}
