//! Authentication of callers: FederatedAuthService proves itself with one of the shared secrets. Only the published
//! keys are public.

use secrecy::SecretString;
use serde_json::json;

use crate::api::{GENERATE, SECRET, Sas, VALIDATE, generate_request, http::Request};

#[tokio::test]
async fn unauthenticated_callers_are_rejected_before_the_body_is_read() {
    let sas = Sas::start().await;
    let good = || Request::post(GENERATE).json(&generate_request(json!({})));
    for (case, request) in [
        ("no credential", good()),
        ("the secret of another caller", good().bearer("what-orchestrator-proves-itself-with")),
        ("an almost correct secret", good().bearer(&SECRET[1..])),
        ("another scheme", good().header("authorization", format!("Basic {SECRET}"))),
        ("no scheme", good().header("authorization", SECRET)),
        ("only a scheme", good().header("authorization", "Bearer ")),
        ("a token instead", good().bearer(&sas.token(&generate_request(json!({}))).await)),
        ("malformed body", Request::post(VALIDATE).body("text/plain", "nonsense")),
        ("oversized body", Request::post(VALIDATE).body("application/json", " ".repeat(100_000))),
        ("unknown route", Request::get("/v1/Secrets")),
        ("wrong method", Request::new("DELETE", GENERATE)),
        ("a browser's preflight", Request::new("OPTIONS", GENERATE).header("origin", "https://evil.example")),
    ] {
        let answer = sas.answers(request).await;
        answer.is_refusal(401, "invalid_service_credential");
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="services""#, "{case}");
    }
}

#[tokio::test]
async fn each_of_several_secrets_is_accepted() {
    let secrets = ["the-old-secret-of-the-caller", "the-new-secret-of-the-caller"];
    let sas =
        Sas::with(|config| config.federated_auth_secrets = secrets.map(SecretString::from).into()).await;
    let request = || Request::post(GENERATE).json(&generate_request(json!({})));
    for secret in secrets {
        assert_eq!(sas.answers(request().bearer(secret)).await.status, 200);
        let lower_case = request().header("authorization", format!("bearer {secret}"));
        assert_eq!(sas.answers(lower_case).await.status, 200, "the scheme is case-insensitive");
    }
    sas.answers(request().bearer(SECRET)).await.is_refusal(401, "invalid_service_credential");
    sas.answers(request().bearer(&secrets.join(","))).await.is_refusal(401, "invalid_service_credential");
}

#[tokio::test]
async fn only_the_published_keys_are_public() {
    let sas = Sas::start().await;
    for request in
        [Request::get("/.well-known/jwks.json"), Request::get("/.well-known/jwks.json").bearer("whoever")]
    {
        assert_eq!(sas.answers(request).await.status, 200);
    }
    sas.answers(Request::post("/.well-known/jwks.json")).await.is_refusal(405, "method_not_allowed");
    for path in ["/.well-known/", "/.well-known/jwks.json/", "/.WELL-KNOWN/JWKS.JSON", "/.well-known/../v1/x"]
    {
        sas.answers(Request::get(path)).await.is_refusal(401, "invalid_service_credential");
    }
}
