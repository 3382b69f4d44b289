//! Authentication of callers: FederatedAuthService proves itself with one of the shared secrets. Only the published
//! keys are public.

use secrecy::SecretString;
use serde_json::json;

use crate::{GENERATE, SECRET, Sas, VALIDATE, asking, http::Request};

#[tokio::test]
async fn unauthenticated_callers_are_rejected_before_the_body_is_read() {
    let sas = Sas::start().await;
    let good = || Request::post(GENERATE).json(&asking(json!({})));
    for (who, request) in [
        ("nobody", good()),
        ("somebody else", good().bearer("what-orchestrator-proves-itself-with")),
        ("nearly the right one", good().bearer(&SECRET[1..])),
        ("another scheme", good().header("authorization", format!("Basic {SECRET}"))),
        ("no scheme", good().header("authorization", SECRET)),
        ("a scheme alone", good().header("authorization", "Bearer ")),
        ("a token instead", good().bearer(&sas.token(&asking(json!({}))).await)),
        ("whoever sends nonsense", Request::post(VALIDATE).body("text/plain", "nonsense")),
        ("whoever sends too much", Request::post(VALIDATE).body("application/json", " ".repeat(100_000))),
        ("whoever looks around", Request::get("/v1/Secrets")),
        ("whoever looks around with another method", Request::new("DELETE", GENERATE)),
        ("a browser's preflight", Request::new("OPTIONS", GENERATE).header("origin", "https://evil.example")),
    ] {
        let answer = sas.answers(request).await;
        answer.is_refusal(401, "invalid_service_credential");
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="services""#, "{who}");
    }
}

#[tokio::test]
async fn each_of_several_secrets_is_accepted() {
    let secrets = ["the-old-secret-of-the-caller", "the-new-secret-of-the-caller"];
    let sas =
        Sas::with(|config| config.federated_auth_secrets = secrets.map(SecretString::from).into()).await;
    let request = || Request::post(GENERATE).json(&asking(json!({})));
    for secret in secrets {
        assert_eq!(sas.answers(request().bearer(secret)).await.status, 200);
        let lower_case = request().header("authorization", format!("bearer {secret}"));
        assert_eq!(sas.answers(lower_case).await.status, 200, "a scheme has no case");
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
