//! The endpoints of FederatedAuthService in use: create, refresh, validate and revoke a token; and their HTTP details.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::api::{ACCOUNT, DEPLOYMENT, Fas, OTHER_ACCOUNT, TTL, deployment, http::Request, refreshing};

fn guests_grants() -> Value {
    json!([
        {"type": "webchat", "address_sid": "IG00000000000000000000000000000001", "deployment_key": DEPLOYMENT},
        {"type": "chat", "service_sid": "IS00000000000000000000000000000001"},
    ])
}

#[tokio::test]
async fn create_returns_a_new_identity_and_the_configured_ttl() {
    let fas = Fas::start().await;
    let before = fas.clock.now();
    let made = fas.creates_token(ACCOUNT).await;
    assert_eq!((made.status, made.header("cache-control").as_str()), (200, "no-store"));
    assert_eq!(
        made.members(),
        ["token", "expiration", "expires_in", "refresh_after", "identity", "session_id", "auth_time"]
    );
    let expiration: DateTime<Utc> = made.member("expiration").parse().unwrap();
    let ttl = expiration - before;
    assert!((ttl.num_seconds() - i64::from(TTL)).abs() < 60, "about {TTL} seconds: {ttl}");
    assert_eq!(made.member("token").split('.').count(), 5, "encrypted");
    assert_ne!(made.member("identity"), fas.creates_token(ACCOUNT).await.member("identity"));
}

#[tokio::test]
async fn an_assertion_is_returned_to_the_tokens_account_only() {
    let fas = Fas::start().await;
    let made = fas.creates_token(ACCOUNT).await;
    let assertion = json!({"audience": "https://api.example.com", "conversation_sid": "CH00000000000000000000000000000001"});
    let fields = json!({"token": made.member("token"), "assertion": assertion});
    let answer = fas.posts(ACCOUNT, "/validate", &fields).await;
    assert_eq!((answer.status, answer.body()["assertion"]["expires_in"].as_u64()), (200, Some(60)));
    let jws = answer.body()["assertion"]["assertion"].as_str().unwrap().to_owned();
    let claims = URL_SAFE_NO_PAD.decode(jws.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["conversation_sid"], assertion["conversation_sid"]);
    assert_eq!(claims["sub"], made.member("identity"));
    let elsewhere = fas.posts(OTHER_ACCOUNT, "/validate", &fields).await;
    elsewhere.is_refusal(401, "invalid_token");
    let without = fas.validates_token(ACCOUNT, &made.member("token")).await;
    assert!(without.body().get("assertion").is_none());
    for wrong in [
        json!({"audience": "webchat"}),
        json!({"audience": "https://api.example.com", "conversationSid": "CH1"}),
    ] {
        let fields = json!({"token": made.member("token"), "assertion": wrong});
        fas.posts(ACCOUNT, "/validate", &fields).await.is_refusal(400, "invalid_request");
    }
}

#[tokio::test]
async fn the_keys_are_public() {
    let fas = Fas::start().await;
    let answer = fas.answers(Request::get("/.well-known/jwks.json")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body()["keys"].as_array().unwrap().len(), 1);
    let of_scoped_auth = Request::get("/.well-known/jwks.json").send(fas.scoped_auth.address()).await;
    assert_eq!(answer.body(), of_scoped_auth.body());
}

#[tokio::test]
async fn refresh_preserves_identity_grants_and_session() {
    let fas = Fas::start().await;
    let made = fas.creates_token(ACCOUNT).await;
    let checked = fas.validates_token(ACCOUNT, &made.member("token")).await;
    fas.clock.advance(TimeDelta::minutes(30));
    let refreshed = fas.refreshes_token(ACCOUNT, &made.member("token")).await;
    assert_eq!(
        refreshed.members(),
        ["identity", "roles", "token", "expiration", "expires_in", "refresh_after", "session_id"]
    );
    assert_eq!(refreshed.member("identity"), made.member("identity"));
    assert_eq!(refreshed.body()["roles"], guests_grants());
    assert_eq!(refreshed.member("session_id"), checked.member("session_id"));
    assert_ne!(refreshed.member("token"), made.member("token"));
    let later =
        |answer: &crate::api::http::Answer| answer.member("expiration").parse::<DateTime<Utc>>().unwrap();
    assert_eq!((later(&refreshed) - later(&made)).num_minutes(), 30);
    let again = fas.refreshes_token(ACCOUNT, &refreshed.member("token")).await;
    assert_eq!(again.member("session_id"), checked.member("session_id"));
}

#[tokio::test]
async fn validate_returns_the_owner_and_changes_nothing() {
    let fas = Fas::start().await;
    let made = fas.creates_token(ACCOUNT).await;
    for _ in 0..2 {
        let checked = fas.validates_token(ACCOUNT, &made.member("token")).await;
        assert_eq!(checked.status, 200);
        assert_eq!(
            checked.members(),
            ["valid", "identity", "roles", "expiration", "session_id", "session_hash", "auth_time"]
        );
        assert_eq!(checked.body()["valid"], true);
        assert_eq!(checked.member("identity"), made.member("identity"));
        for member in ["expiration", "session_id", "auth_time"] {
            assert_eq!(checked.member(member), made.member(member));
        }
        assert_eq!(checked.body()["roles"], guests_grants());
    }
}

#[tokio::test]
async fn a_guest_revokes_their_own_session() {
    let fas = Fas::start().await;
    let made = fas.creates_token(ACCOUNT).await;
    let token = made.member("token");
    let revoke = async |account, token: &str| fas.posts(account, "/revoke", &json!({"token": token})).await;
    for (account, token) in [(OTHER_ACCOUNT, token.as_str()), (ACCOUNT, "hunter2")] {
        let answer = revoke(account, token).await;
        assert_eq!((answer.status, answer.body()), (200, json!({"revoked": false})));
    }
    assert_eq!(
        fas.validates_token(ACCOUNT, &token).await.status,
        200,
        "another guest's session is not revoked"
    );
    let revoked = json!({"revoked": true, "session_id": made.member("session_id")});
    assert_eq!(revoke(ACCOUNT, &token).await.body(), revoked);
    fas.validates_token(ACCOUNT, &token).await.is_refusal(401, "revoked_token");
    fas.refreshes_token(ACCOUNT, &token).await.is_refusal(401, "revoked_token");
}

#[tokio::test]
async fn revoking_a_bound_session_requires_its_key() {
    let fas = Fas::start().await;
    let (key, other) = ("A".repeat(43), "E".repeat(43));
    let mut fields = deployment();
    fields["jkt"] = key.as_str().into();
    let token = fas.posts(ACCOUNT, "", &fields).await.member("token");
    for fields in [json!({"token": token}), json!({"token": token, "jkt": other})] {
        for route in ["/revoke", "/validate"] {
            fas.posts(ACCOUNT, route, &fields).await.is_refusal(401, "invalid_dpop_proof");
        }
        fas.posts(ACCOUNT, "/refresh", &refreshing(&fields)).await.is_refusal(401, "invalid_dpop_proof");
    }
    let own = json!({"token": token, "jkt": key});
    let checked = fas.posts(ACCOUNT, "/validate", &own).await;
    assert_eq!((checked.status, checked.member("jkt")), (200, key));
    assert_eq!(fas.posts(ACCOUNT, "/revoke", &own).await.body()["revoked"], true);
    fas.posts(ACCOUNT, "/validate", &own).await.is_refusal(401, "revoked_token");
}

#[tokio::test]
async fn refresh_rejects_tokens_of_another_deployment() {
    let fas = Fas::start().await;
    let token = fas.creates_token(ACCOUNT).await.member("token");
    let mut fields = refreshing(&json!({"token": token}));
    fields["deployment_key"] = "CV00000000000000000000000000000002".into();
    fas.posts(ACCOUNT, "/refresh", &fields).await.is_refusal(401, "invalid_token");
    assert_eq!(fas.refreshes_token(ACCOUNT, &token).await.status, 200);
}

#[tokio::test]
async fn previous_session_identity_is_forwarded() {
    let fas = Fas::start().await;
    let earlier = fas.creates_token(ACCOUNT).await;
    let mut fields = deployment();
    fields["identity"] = earlier.member("identity").into();
    fields["earlier_session"] =
        json!({"sid": earlier.member("session_id"), "authTime": earlier.member("auth_time")});
    let granted = fas.posts(ACCOUNT, "", &fields).await;
    assert_eq!(granted.member("identity"), earlier.member("identity"));
    fas.posts(ACCOUNT, "/revoke", &json!({"token": earlier.member("token")})).await;
    let refused = fas.posts(ACCOUNT, "", &fields).await;
    assert_ne!(refused.member("identity"), earlier.member("identity"));
    assert_eq!(refused.status, 200);
}

#[tokio::test]
async fn routes_accept_both_versions_and_both_cases() {
    let fas = Fas::start().await;
    let token = fas.creates_token(ACCOUNT).await.member("token");
    for version in ["v1", "V1", "v2", "V2"] {
        for (route, fields) in [
            ("", deployment()),
            ("/refresh", refreshing(&json!({"token": token}))),
            ("/validate", json!({"token": token})),
            ("/revoke", json!({"token": "no-token"})),
        ] {
            let path = format!("/{version}/Accounts/{ACCOUNT}/Tokens{route}");
            let answer = fas.answers_orchestrator(Request::post(&path).json(&fields)).await;
            assert_eq!(answer.status, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn unknown_routes_return_404() {
    let fas = Fas::start().await;
    for path in [
        "/",
        "/v1/Accounts",
        "/v3/Accounts/AC00000000000000000000000000000001/Tokens",
        "/v1/accounts/AC00000000000000000000000000000001/tokens",
        "/v1/Accounts/hunter2/Tokens",
        "/v1/Accounts/CV00000000000000000000000000000001/Tokens",
        "/v1/Accounts/AC00000000000000000000000000000001/Tokens/renew",
        "/v1/ScopedAuthTokens/validate",
    ] {
        let answer = fas.answers_orchestrator(Request::post(path).json(&deployment())).await;
        answer.is_refusal(404, "not_found");
        answer.does_not_repeat("hunter2");
    }
}

#[tokio::test]
async fn wrong_method_returns_405_with_allow() {
    let fas = Fas::start().await;
    for route in ["", "/refresh", "/revoke", "/validate"] {
        for method in ["GET", "PUT", "OPTIONS"] {
            let path = format!("/v2/Accounts/{ACCOUNT}/Tokens{route}");
            let answer = fas.answers_orchestrator(Request::new(method, &path)).await;
            answer.is_refusal(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), "POST");
        }
    }
}

#[tokio::test]
async fn bodies_must_be_json_of_at_most_16_kib() {
    let fas = Fas::start().await;
    let path = format!("/v1/Accounts/{ACCOUNT}/Tokens/refresh");
    let form = fas.answers_orchestrator(Request::post(&path).form("token=hunter2")).await;
    form.is_refusal(415, "unsupported_media_type");
    let long = json!({"token": "x", "more": "x".repeat(16 * 1024)});
    fas.answers_orchestrator(Request::post(&path).json(&long)).await.is_refusal(413, "payload_too_large");
}

#[tokio::test]
async fn unknown_members_are_rejected_without_echo() {
    let fas = Fas::start().await;
    let made = fas.creates_token(ACCOUNT).await;
    let token = json!({"token": made.member("token")});
    let mut again = deployment();
    again["identity"] = made.member("identity").into();
    again["earlier_session"] =
        json!({"sid": made.member("session_id"), "authTime": made.member("auth_time")});
    for (route, fields, within) in [
        ("", deployment(), ""),
        ("", again, "/earlier_session"),
        ("/refresh", refreshing(&token), ""),
        ("/validate", token.clone(), ""),
        ("/revoke", token.clone(), ""),
    ] {
        let mut unknown = fields.clone();
        unknown.pointer_mut(within).unwrap()["unknown"] = json!({"id": "hunter2"});
        let answer = fas.posts(ACCOUNT, route, &unknown).await;
        answer.is_refusal(400, "invalid_request");
        answer.does_not_repeat("hunter2");
        assert_eq!(fas.posts(ACCOUNT, route, &fields).await.status, 200, "{route}");
    }
}

#[tokio::test]
async fn missing_or_malformed_fields_are_named_without_echo() {
    let fas = Fas::start().await;
    let without = |name: &str| {
        let mut fields = deployment();
        fields.as_object_mut().unwrap().remove(name);
        fields
    };
    let with = |name: &str, value: Value| {
        let mut fields = deployment();
        fields[name] = value;
        fields
    };
    for (route, fields, field) in [
        ("", without("deployment_key"), "deployment_key"),
        ("", without("address_sid"), "address_sid"),
        ("", without("conversations_service_sid"), "conversations_service_sid"),
        ("", with("deployment_key", json!("AC00000000000000000000000000000001")), "deployment_key"),
        ("", with("address_sid", json!("IGhunter2")), "address_sid"),
        ("", with("conversations_service_sid", json!(["hunter2"])), "conversations_service_sid"),
        ("", with("fingerprint", json!("hunter2 ")), "fingerprint"),
        ("", with("identity", json!("hunter2-hunter2-hunter2-hunter2-hunt")), "identity"),
        ("", with("earlier_session", json!({"sid": "hunter2"})), "earlier_session.sid"),
        ("/refresh", refreshing(&json!({})), "token"),
        ("/refresh", refreshing(&json!({"token": 7})), "token"),
        ("/refresh", refreshing(&json!({"token": "x", "fingerprint": "hunter2\n"})), "fingerprint"),
        ("/refresh", json!({"token": "x"}), "deployment_key"),
        ("/refresh", json!({"token": "x", "deployment_key": "hunter2"}), "deployment_key"),
        ("/validate", json!({}), "token"),
        ("/validate", json!({"token": ""}), "token"),
    ] {
        let answer = fas.posts(ACCOUNT, route, &fields).await;
        answer.is_refusal(400, "invalid_request");
        assert!(answer.member("message").starts_with(&format!("`{field}` is ")), "{field}: {}", answer.text);
        answer.does_not_repeat("hunter2");
    }
}
