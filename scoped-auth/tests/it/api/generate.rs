//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/generate/internal`: the content of a session's first token, and what its
//! successors keep.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::api::{ACCOUNT, DEPLOYMENT, Sas, generate_request, keys::claims};

#[tokio::test]
async fn a_new_session_has_a_new_identity() {
    let sas = Sas::start().await;
    let first = sas.generates(&generate_request(json!({}))).await;
    let second = sas.generates(&generate_request(json!({}))).await;
    assert_eq!(first.status, 200);
    assert_eq!(
        first.members(),
        ["token", "expiration", "expires_in", "refresh_after", "identity", "session_id", "auth_time"]
    );
    let identity = first.member("identity").parse::<uuid::Uuid>().unwrap();
    assert_eq!(identity.get_version_num(), 4, "random");
    assert_ne!(first.member("identity"), second.member("identity"));
    assert_ne!(first.member("token"), second.member("token"));
}

#[tokio::test]
async fn token_expiry_matches_the_response() {
    let sas = Sas::start().await;
    for ttl in [1, 3600, 86_400] {
        let before = sas.clock.now();
        let answer = sas.generates(&generate_request(json!({"ttl": ttl, "encrypt": false}))).await;
        let after = sas.clock.now();
        let text = answer.member("expiration");
        assert!(text.ends_with('Z'), "RFC 3339 in UTC: {text}");
        let made = text.parse::<DateTime<Utc>>().unwrap() - TimeDelta::seconds(ttl);
        assert!(before - TimeDelta::seconds(1) < made && made <= after, "made at {made}");
        let payload = URL_SAFE_NO_PAD.decode(answer.member("token").split('.').nth(1).unwrap()).unwrap();
        let claims: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(claims["exp"], text.parse::<DateTime<Utc>>().unwrap().timestamp());
    }
}

#[tokio::test]
async fn encrypted_tokens_have_the_contracts_header_and_hide_the_claims() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({}))).await;
    let parts: Vec<Vec<u8>> = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let lengths: Vec<usize> = parts.iter().map(Vec::len).collect();
    let [_, 0, 12, _, 16] = lengths[..] else {
        panic!("not a compact JWE of AES-GCM under `dir`: {lengths:?}")
    };
    let hidden = String::from_utf8_lossy(&parts[3]);
    assert!(!hidden.contains("webchat"), "the claims are not to be read");
    let header: Value = serde_json::from_slice(&parts[0]).unwrap();
    let names: Vec<&str> = header.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["alg", "enc", "typ", "cty", "kid"]);
    assert_eq!((&header["alg"], &header["enc"]), (&json!("dir"), &json!("A256GCM")));
    assert_eq!((&header["typ"], &header["cty"]), (&json!("JWT"), &json!("twilio-fpa;v=1")));
    assert!(header["kid"].as_str().unwrap().ends_with(".CV00000000000000000000000000000001"));
}

#[tokio::test]
async fn successors_keep_identity_grants_and_session_start() {
    let sas = Sas::start().await;
    let made = sas.generates(&generate_request(json!({}))).await;
    let first = sas.claims(&made.member("token"));
    sas.clock.advance(TimeDelta::minutes(59));
    let second = sas.claims(&sas.successor(&made.member("token"), json!({})).await);
    for claims in [&first, &second] {
        assert_eq!(claims.sid.to_string(), made.member("session_id"));
        assert_eq!(claims.grants.identity.to_string(), made.member("identity"));
        assert_eq!(claims.auth_time, made.member("auth_time").parse::<DateTime<Utc>>().unwrap());
    }
    assert_eq!(first.grants, second.grants);
    assert_ne!(first.jti, second.jti, "each token has a unique id");
    assert_eq!((first.generation, second.generation), (0, 1));
}

#[tokio::test]
async fn no_token_outlives_its_session() {
    let sas = Sas::start().await;
    let successor = json!({"accountSid": ACCOUNT, "deploymentKey": DEPLOYMENT, "ttl": 6 * 3600});
    let mut token = sas.token(&generate_request(json!({"ttl": 24 * 3600}))).await;
    let end = sas.claims(&token).auth_time + TimeDelta::hours(24);
    for (hours, cut) in [(17, false), (3, true), (3, true)] {
        sas.clock.advance(TimeDelta::hours(hours));
        token = sas.successor(&token, json!({"successor": successor})).await;
        let claims = sas.claims(&token);
        assert_eq!(claims.exp == end, cut, "{hours} hours later");
        assert!(claims.exp <= end);
    }
    sas.clock.advance(TimeDelta::hours(1));
    assert_eq!(sas.refresh(&token, json!({})).await["reason"], "session_expired");
}

#[tokio::test]
async fn session_lifetime_is_configurable() {
    let sas = Sas::with(|config| config.rules.session_max = std::time::Duration::from_secs(60)).await;
    let claims = claims(&sas, generate_request(json!({}))).await;
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["auth_time"].as_i64().unwrap(), 60);
}

#[tokio::test]
async fn unknown_grant_types_are_preserved() {
    let sas = Sas::start().await;
    let grants = json!([
        {"type": "chat", "service_sid": "IS00000000000000000000000000000001"},
        {"type": "video", "room": {"name": "é", "seats": [1, 2.5, null, true]}, "Type": "x"},
        {"type": "empty"},
    ]);
    for encrypt in [true, false] {
        let token = sas.token(&generate_request(json!({"grants": grants, "encrypt": encrypt}))).await;
        let verdict = sas.validates(&json!({"token": token})).await.body();
        assert_eq!(verdict["grants"], grants, "encrypt: {encrypt}");
    }
}

#[tokio::test]
async fn oversized_grants_are_rejected() {
    let sas = Sas::start().await;
    let chat = json!({"type": "chat", "service_sid": "IS00000000000000000000000000000001"});
    let long = json!({"type": "long", "text": "x".repeat(12 * 1024)});
    for (what, grants) in [
        ("a type twice", json!([chat, {"type": "other"}, chat])),
        ("an unknown type twice", json!([{"type": "other", "a": 1}, {"type": "other", "a": 2}])),
        ("the name of the identity", json!([{"type": "identity"}])),
        ("larger than a token can hold", json!([long])),
        ("without a type", json!([{"service_sid": "IS00000000000000000000000000000001"}])),
        ("a type that is not a string", json!([{"type": 7}])),
        ("a chat grant without its service", json!([{"type": "chat"}])),
        ("not an object", json!({"chat": {}})),
    ] {
        let answer = sas.generates(&generate_request(json!({"grants": grants}))).await;
        answer.is_refusal(400, "invalid_request");
        assert!(answer.member("message").starts_with("`grants"), "{what}: {}", answer.text);
    }
}

#[tokio::test]
async fn missing_or_malformed_fields_are_named_without_echo() {
    let sas = Sas::start().await;
    let earlier = |name: &str, value: &str| {
        let mut earlier =
            json!({"sid": "c1a3d1a0-7f0f-4b0e-9b9a-3f5f1f6f7a01", "authTime": "2030-01-01T00:00:00Z"});
        earlier[name] = value.into();
        json!({"identity": "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77", "earlierSession": earlier})
    };
    for (others, field) in [
        (json!({"accountSid": null}), "accountSid"),
        (json!({"grants": null}), "grants"),
        (json!({"ttl": null}), "ttl"),
        (json!({"encrypt": null}), "encrypt"),
        (json!({"accountSid": "AC-hunter2"}), "accountSid"),
        (json!({"ttl": "hunter2"}), "ttl"),
        (json!({"ttl": -1}), "ttl"),
        (json!({"ttl": 0}), "ttl"),
        (json!({"ttl": 1.5}), "ttl"),
        (json!({"ttl": 4_294_967_296_u64}), "ttl"),
        (json!({"encrypt": "hunter2"}), "encrypt"),
        (json!({"fingerprint": "hunter2 hunter2"}), "fingerprint"),
        (json!({"identity": "hunter2-hunter2-hunter2-hunter2-hunt"}), "identity"),
        (earlier("sid", "hunter2"), "earlierSession.sid"),
        (earlier("authTime", "hunter2"), "earlierSession.authTime"),
    ] {
        let answer = sas.generates(&generate_request(others.clone())).await;
        answer.is_refusal(400, "invalid_request");
        assert!(answer.member("message").starts_with(&format!("`{field}` is ")), "{others}: {}", answer.text);
        answer.does_not_repeat("hunter2");
    }
}
