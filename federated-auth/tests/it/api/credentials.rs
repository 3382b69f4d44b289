//! Authentication of callers: FlexWebchatOrchestratorService proves itself with one of the shared secrets, which
//! ScopedAuthService does not accept.

use secrecy::SecretString;
use serde_json::json;

use crate::api::{ACCOUNT, FEDERATED_AUTH_SECRET, Fas, ORCHESTRATOR_SECRET, deployment, http::Request};

fn good() -> Request {
    Request::post(&format!("/v1/Accounts/{ACCOUNT}/Tokens")).json(&deployment())
}

#[tokio::test]
async fn unauthenticated_callers_are_rejected_before_the_body_is_read() {
    let fas = Fas::start().await;
    for (case, request) in [
        ("no credential", good()),
        ("this service's own secret", good().bearer(FEDERATED_AUTH_SECRET)),
        ("an almost correct secret", good().bearer(&format!("{ORCHESTRATOR_SECRET}x"))),
        ("another scheme", good().header("authorization", format!("Basic {ORCHESTRATOR_SECRET}"))),
        ("malformed body", Request::post(&format!("/v1/Accounts/{ACCOUNT}/Tokens")).form("nonsense")),
        ("malformed account", Request::post("/v1/Accounts/hunter2/Tokens").json(&deployment())),
        ("unknown route", Request::get("/v1/Secrets")),
        ("a browser's preflight", Request::new("OPTIONS", &format!("/v1/Accounts/{ACCOUNT}/Tokens"))),
    ] {
        let answer = fas.answers(request).await;
        answer.is_refusal(401, "invalid_service_credential");
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="services""#, "{case}");
    }
}

#[tokio::test]
async fn each_of_several_secrets_is_accepted() {
    let secrets = ["the-old-secret-of-the-caller", "the-new-secret-of-the-caller"];
    let fas = Fas::with(|config| config.orchestrator_secrets = secrets.map(SecretString::from).into()).await;
    for secret in secrets {
        assert_eq!(fas.answers(good().bearer(secret)).await.status, 200);
    }
    fas.answers(good().bearer(ORCHESTRATOR_SECRET)).await.is_refusal(401, "invalid_service_credential");
}

#[tokio::test]
async fn scoped_auth_rejects_the_orchestrators_secret() {
    let fas = Fas::start().await;
    let validate = || Request::post("/v1/ScopedAuthTokens/validate").json(&json!({"token": "x"}));
    let sas = fas.scoped_auth.address();
    assert_eq!(validate().bearer(FEDERATED_AUTH_SECRET).send(sas).await.status, 200);
    let refused = validate().bearer(ORCHESTRATOR_SECRET).send(sas).await;
    refused.is_refusal(401, "invalid_service_credential");
}
