//! FederatedAuthService's admin listener: ready when ScopedAuthService is reachable and accepts its credential.

use secrecy::SecretString;
use service_runtime::ServiceCredential;

use crate::api::{
    ACCOUNT, Fas, ORCHESTRATOR_SECRET, federated_auth,
    http::{Answer, Request},
    scripted_peer::{ClosedPort, kill},
};

fn is_not_ready(answer: &Answer, reason: &str) {
    assert_eq!((answer.status, answer.member("status").as_str()), (503, "not ready"));
    assert!(answer.member("reason").contains(reason), "{}", answer.text);
}

#[tokio::test]
async fn readiness_follows_scoped_auth() {
    let fas = Fas::start().await;
    let ready = Request::get("/readyz").send(fas.running.admin_address).await;
    assert_eq!((ready.status, ready.member("status").as_str()), (200, "ready"));
    let admin = fas.running.admin_address;
    kill(fas.scoped_auth).await;
    is_not_ready(&Request::get("/readyz").send(admin).await, "ScopedAuthService cannot be reached");
    assert_eq!(Request::get("/healthz").send(admin).await.member("status"), "up", "it is well all the same");
    let closed = ClosedPort::reserve();
    let fas = federated_auth(closed.address, |_| {});
    is_not_ready(
        &Request::get("/readyz").send(fas.admin_address).await,
        "ScopedAuthService cannot be reached",
    );
}

#[tokio::test]
async fn unknown_secret_makes_it_unready_at_scoped_auth() {
    let wrong = SecretString::from("a-secret-that-nobody-knows");
    let fas = Fas::with(|config| config.scoped_auth.credential = ServiceCredential::new(&wrong)).await;
    let answer = Request::get("/readyz").send(fas.running.admin_address).await;
    is_not_ready(&answer, "ScopedAuthService responded 401");
    answer.does_not_repeat("a-secret-that-nobody-knows");
    fas.creates_token(ACCOUNT).await.is_refusal(502, "upstream_invalid");
}

#[tokio::test]
async fn requests_and_upstream_calls_are_counted() {
    let fas = Fas::start().await;
    let token = fas.creates_token(ACCOUNT).await.member("token");
    fas.refreshes_token(ACCOUNT, &token).await;
    fas.refreshes_token(ACCOUNT, "hunter2").await;
    let metrics = Request::get("/metrics").send(fas.running.admin_address).await;
    let route = "/v1/Accounts/{account_sid}/Tokens";
    for line in [
        format!(r#"http_requests_total{{method="POST",route="{route}",status="200",code=""}} 1"#),
        format!(r#"http_requests_total{{method="POST",route="{route}/refresh",status="200",code=""}} 1"#),
        format!(
            r#"http_requests_total{{method="POST",route="{route}/refresh",status="401",code="invalid_token"}} 1"#
        ),
        r#"upstream_calls_total{peer="ScopedAuthService",message="generate",outcome="answered"} 1"#
            .to_owned(),
        r#"upstream_calls_total{peer="ScopedAuthService",message="validate",outcome="answered"} 2"#
            .to_owned(),
        r#"upstream_call_duration_seconds_count{peer="ScopedAuthService",message="validate"} 2"#.to_owned(),
    ] {
        assert!(metrics.text.lines().any(|found| found == line), "missing line {line}\nin\n{}", metrics.text);
    }
    for secret in ["hunter2", ACCOUNT, &token] {
        metrics.does_not_repeat(secret);
    }
}

#[tokio::test]
async fn admin_and_service_routes_are_on_separate_ports() {
    let fas = Fas::start().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        fas.answers(Request::get(path)).await.is_refusal(401, "invalid_service_credential");
        fas.answers_orchestrator(Request::get(path)).await.is_refusal(404, "not_found");
    }
    let request = Request::post(&format!("/v1/Accounts/{ACCOUNT}/Tokens")).json(&crate::api::deployment());
    assert_eq!(request.bearer(ORCHESTRATOR_SECRET).send(fas.running.admin_address).await.status, 404);
}
