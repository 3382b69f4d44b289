//! ScopedAuthService's admin listener.

use serde_json::json;

use crate::api::{ACCOUNT, GENERATE, Sas, VALIDATE, generate_request, http::Request};

#[tokio::test]
async fn it_is_live_and_ready() {
    let sas = Sas::start().await;
    for (path, status) in [("/healthz", "up"), ("/readyz", "ready")] {
        let answer = Request::get(path).send(sas.running.admin_address).await;
        assert_eq!((answer.status, answer.member("status").as_str()), (200, status));
    }
}

#[tokio::test]
async fn metrics_count_requests_without_identities() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({}))).await;
    sas.token(&generate_request(json!({"encrypt": false}))).await;
    sas.validates(&json!({"token": token})).await;
    sas.validates(&json!({"token": "hunter2"})).await;
    sas.answers(Request::post(VALIDATE).json(&json!({}))).await.is_refusal(401, "invalid_service_credential");
    sas.answers_federated_auth(Request::get("/hunter2")).await.is_refusal(404, "not_found");
    sas.answers_federated_auth(Request::new("HUNTER2", GENERATE)).await.is_refusal(405, "method_not_allowed");
    let metrics = Request::get("/metrics").send(sas.running.admin_address).await;
    for line in [
        format!(r#"http_requests_total{{method="POST",route="{GENERATE}",status="200",code=""}} 2"#),
        format!(r#"http_requests_total{{method="POST",route="{VALIDATE}",status="200",code=""}} 2"#),
        format!(
            r#"http_requests_total{{method="POST",route="{VALIDATE}",status="401",code="invalid_service_credential"}} 1"#
        ),
        r#"http_requests_total{method="GET",route="unmatched",status="404",code="not_found"} 1"#.to_owned(),
        r#"http_requests_total{method="other",route="unmatched",status="405",code="method_not_allowed"} 1"#
            .to_owned(),
        format!(r#"http_request_duration_seconds_count{{method="POST",route="{GENERATE}"}} 2"#),
        r#"tokens_minted_total{session="new",form="encrypted"} 1"#.to_owned(),
        r#"tokens_minted_total{session="new",form="signed"} 1"#.to_owned(),
        r#"tokens_judged_total{verdict="authorized"} 1"#.to_owned(),
        r#"tokens_judged_total{verdict="invalid_token"} 1"#.to_owned(),
        r#"key_file_reloads_total{outcome="refused"} 0"#.to_owned(),
    ] {
        assert!(metrics.text.lines().any(|found| found == line), "missing line {line}\nin\n{}", metrics.text);
    }
    let lag = metrics.text.lines().find_map(|line| line.strip_prefix("revocations_behind_seconds "));
    assert!(lag.unwrap().parse::<f64>().unwrap() < 2.0, "{lag:?}");
    for secret in ["hunter2", "HUNTER2", ACCOUNT, &token] {
        metrics.does_not_repeat(secret);
    }
}

#[tokio::test]
async fn admin_and_service_routes_are_on_separate_ports() {
    let sas = Sas::start().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        sas.answers(Request::get(path)).await.is_refusal(401, "invalid_service_credential");
        sas.answers_federated_auth(Request::get(path)).await.is_refusal(404, "not_found");
    }
    for path in ["/.well-known/jwks.json", VALIDATE] {
        let admin = sas.running.admin_address;
        Request::get(path).send(admin).await.is_refusal(401, "invalid_service_credential");
        Request::get(path).bearer(crate::api::OPERATOR_SECRET).send(admin).await.is_refusal(404, "not_found");
    }
}
