//! The HTTP details of ScopedAuthService: paths, methods, bodies and response headers.

use serde_json::json;

use crate::api::{
    ACCOUNT, DEPLOYMENT, GENERATE, OPERATOR_SECRET, REVOKE, Sas, VALIDATE, generate_request, http::Request,
    refresh_request,
};

#[tokio::test]
async fn paths_are_versioned_and_case_tolerant() {
    let sas = Sas::start().await;
    let path = GENERATE.replacen("/v1", "/V1", 1);
    let made = sas.answers_federated_auth(Request::post(&path).json(&generate_request(json!({})))).await;
    assert_eq!(made.status, 200);
    let path = VALIDATE.replacen("/v1", "/V1", 1);
    let fields = json!({"token": made.member("token")});
    let judged = sas.answers_federated_auth(Request::post(&path).json(&fields)).await;
    assert_eq!(judged.body()["authorized"], true);
}

#[tokio::test]
async fn unknown_routes_return_404() {
    let sas = Sas::start().await;
    for path in
        ["/", "/v1", "/v2/ScopedAuthTokens/validate", "/v1/scopedauthtokens/validate", "/v1/ScopedAuthTokens"]
    {
        let answer = sas.answers_federated_auth(Request::post(path).json(&json!({}))).await;
        answer.is_refusal(404, "not_found");
    }
}

#[tokio::test]
async fn wrong_method_returns_405_with_allow() {
    let sas = Sas::start().await;
    for (path, method, allowed) in [
        (GENERATE, "GET", "POST"),
        (GENERATE, "OPTIONS", "POST"),
        (VALIDATE, "PUT", "POST"),
        (VALIDATE, "BREW", "POST"),
        ("/.well-known/jwks.json", "DELETE", "GET, HEAD"),
    ] {
        let answer = sas.answers_federated_auth(Request::new(method, path)).await;
        answer.is_refusal(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn bodies_must_be_json() {
    let sas = Sas::start().await;
    let json = json!({"token": "hunter2"}).to_string();
    for content_type in
        ["application/x-www-form-urlencoded", "text/plain", "application/jsonx", "multipart/form-data", ""]
    {
        let answer =
            sas.answers_federated_auth(Request::post(VALIDATE).body(content_type, json.clone())).await;
        answer.is_refusal(415, "unsupported_media_type");
    }
    for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
        let answer =
            sas.answers_federated_auth(Request::post(VALIDATE).body(content_type, json.clone())).await;
        assert_eq!(answer.status, 200, "{content_type}");
    }
}

#[tokio::test]
async fn malformed_json_is_rejected_without_echo() {
    let sas = Sas::start().await;
    for body in [
        "",
        "hunter2",
        "null",
        r#"["hunter2"]"#,
        r#"{"token":"hunter2""#,
        r#"{"token":"hunter2"} {"token":"hunter2"}"#,
        r#"{"token":"hunter2","token":"hunter2"}"#,
        r#"{"token":"\ud800hunter2}"#,
    ] {
        let answer = sas.answers_federated_auth(Request::post(VALIDATE).body("application/json", body)).await;
        answer.is_refusal(400, "invalid_request");
        answer.does_not_repeat("hunter2");
    }
    let bytes = Request::post(VALIDATE).body("application/json", b"{\"token\":\"\xff\"}".to_vec());
    sas.answers_federated_auth(bytes).await.is_refusal(400, "invalid_request");
}

#[tokio::test]
async fn unknown_members_are_rejected_without_echo() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({}))).await;
    let earlier = json!({"sid": "c1a3d1a0-7f0f-4b0e-9b9a-3f5f1f6f7a01", "authTime": sas.clock.now()});
    let identity = json!({"identity": "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77", "earlierSession": earlier});
    for (path, fields, within) in [
        (GENERATE, generate_request(json!({})), ""),
        (GENERATE, generate_request(identity), "/earlierSession"),
        (VALIDATE, json!({"token": token}), ""),
        (VALIDATE, refresh_request(&token, json!({})), "/successor"),
        (REVOKE, json!({"accountSid": ACCOUNT, "token": token}), ""),
    ] {
        for name in ["session", "resume", "unknown"] {
            let mut fields = fields.clone();
            fields.pointer_mut(within).unwrap()[name] = json!({"id": "hunter2"});
            let answer = sas.answers_federated_auth(Request::post(path).json(&fields)).await;
            answer.is_refusal(400, "invalid_request");
            answer.does_not_repeat("hunter2");
        }
        assert_eq!(sas.answers_federated_auth(Request::post(path).json(&fields)).await.status, 200, "{path}");
    }
    let fields = json!({"deploymentKey": DEPLOYMENT, "unknown": 1});
    let revoke = Request::post("/v1/Revocations").bearer(OPERATOR_SECRET).json(&fields);
    revoke.send(sas.running.admin_address).await.is_refusal(400, "invalid_request");
}

#[tokio::test]
async fn bodies_over_16_kib_are_rejected() {
    let sas = Sas::start().await;
    let padded = |length: usize| {
        let json = json!({"token": "x"}).to_string();
        " ".repeat(length - json.len()) + &json
    };
    let announced = |length| Request::post(VALIDATE).body("application/json", padded(length));
    let chunked = |length| {
        let body = format!("{length:x}\r\n{}\r\n0\r\n\r\n", padded(length));
        Request::post(VALIDATE).header("transfer-encoding", "chunked").body("application/json", body)
    };
    for length in [16 * 1024 + 1, 1024 * 1024] {
        for request in [announced(length), chunked(length)] {
            sas.answers_federated_auth(request).await.is_refusal(413, "payload_too_large");
        }
    }
    for request in [announced(16 * 1024), chunked(16 * 1024)] {
        assert_eq!(sas.answers_federated_auth(request).await.status, 200, "the last byte that fits");
    }
}

#[tokio::test]
async fn request_ids_are_kept_or_generated() {
    let sas = Sas::start().await;
    let request = || Request::post(VALIDATE).json(&json!({"token": "x"}));
    let answer = sas.answers_federated_auth(request().header("request-id", "of-the-caller.1_2")).await;
    assert_eq!(answer.header("request-id"), "of-the-caller.1_2");
    let mut made = Vec::new();
    for answer in [
        sas.answers_federated_auth(request()).await,
        sas.answers_federated_auth(request().header("request-id", "a b")).await,
        sas.answers_federated_auth(request().header("request-id", "x".repeat(65))).await,
        sas.answers(request().header("request-id", "a\"b")).await,
    ] {
        let id = answer.header("request-id");
        assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        made.push(id);
    }
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 4, "each id is unique");
}
