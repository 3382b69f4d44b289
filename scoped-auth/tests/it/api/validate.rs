//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/validate`: the verdict on a token at a time. An invalid token is also a 200:
//! the verdict is the requested result.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::api::{ACCOUNT, Sas, generate_request};

fn refused(reason: &str) -> Value {
    json!({"authorized": false, "message": "token_validation_failed", "reason": reason})
}

fn refused_with_account(reason: &str) -> Value {
    let mut verdict = refused(reason);
    verdict["auth_account"] = account();
    verdict
}

fn account() -> Value {
    json!({"account_id": "da52ca3e-3797-5122-a441-9a6fc636cf1c", "account_sid": ACCOUNT})
}

#[tokio::test]
async fn valid_tokens_are_authorized_in_both_forms() {
    let sas = Sas::start().await;
    for encrypt in [true, false] {
        let fields = generate_request(json!({"encrypt": encrypt}));
        let made = sas.generates(&fields).await;
        let answer = sas.validates(&json!({"token": made.member("token")})).await;
        assert_eq!((answer.status, answer.header("cache-control").as_str()), (200, "no-store"));
        let verdict = answer.body();
        assert_eq!(verdict["authorized"], true);
        assert_eq!(verdict["auth_account"], account());
        assert_eq!(verdict["grants"], fields["grants"]);
        assert_eq!(verdict["identity"], made.member("identity"));
        assert_eq!(verdict["expiration"], made.member("expiration"));
        assert_eq!(verdict["session_id"], made.member("session_id"));
        assert_eq!(verdict["auth_time"], made.member("auth_time"));
        assert_eq!(verdict["bound"], false);
    }
}

#[tokio::test]
async fn account_ids_are_stable_uuid_v5() {
    let (one, other) = (Sas::start().await, Sas::start().await);
    for (sas, sid) in [(&one, ACCOUNT), (&other, ACCOUNT), (&one, "AC0000000000000000000000000000abcd")] {
        let token = sas.token(&generate_request(json!({"accountSid": sid}))).await;
        let account_in_verdict = sas.validates(&json!({"token": token})).await.body()["auth_account"].clone();
        let id: uuid::Uuid = account_in_verdict["account_id"].as_str().unwrap().parse().unwrap();
        assert_eq!((account_in_verdict["account_sid"].as_str(), id.get_version_num()), (Some(sid), 5));
        assert_eq!(account_in_verdict["account_id"] == account()["account_id"], sid == ACCOUNT);
    }
}

#[tokio::test]
async fn a_successor_belongs_to_the_same_session() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({}))).await;
    sas.clock.advance(TimeDelta::minutes(30));
    let first = sas.refresh(&token, json!({})).await;
    let second = sas.validates(&json!({"token": first["successor"]["token"]})).await.body();
    for member in ["identity", "grants", "auth_account", "session_id", "auth_time"] {
        assert_eq!(first[member], second[member], "{member}");
    }
    assert_ne!(first["expiration"], second["expiration"], "the verdict is on the presented token");
    assert_eq!(first["successor"]["expiration"], second["expiration"]);
}

#[tokio::test]
async fn verdicts_contain_no_session_state() {
    let sas = Sas::start().await;
    let jkt = "A".repeat(43);
    let token = sas.token(&generate_request(json!({"jkt": jkt, "fingerprint": "fp2.some"}))).await;
    let mut expected = vec![
        "authorized",
        "auth_account",
        "grants",
        "identity",
        "expiration",
        "session_id",
        "session_hash",
        "auth_time",
        "bound",
        "jkt",
    ];
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&sas.validates(&json!({"token": token, "jkt": jkt})).await.body()), expected);
    expected.push("successor");
    let verdict = sas.refresh(&token, json!({"jkt": jkt})).await;
    assert_eq!(names(&verdict), expected);
    assert_eq!(names(&verdict["successor"]), ["token", "expiration", "expires_in", "refresh_after"]);
}

#[tokio::test]
async fn tokens_are_valid_only_between_nbf_and_exp() {
    let sas = Sas::start().await;
    let token = json!({"token": sas.token(&generate_request(json!({"ttl": 3600}))).await});
    let verdict_after = async |seconds: i64| {
        sas.clock.advance(TimeDelta::seconds(seconds));
        let verdict = sas.validates(&token).await;
        sas.clock.advance(TimeDelta::seconds(-seconds));
        assert_eq!(verdict.status, 200);
        verdict.body()
    };
    assert_eq!(verdict_after(0).await["authorized"], true);
    assert_eq!(verdict_after(3500).await["authorized"], true);
    assert_eq!(verdict_after(3600).await, refused_with_account("expired_token"));
    assert_eq!(verdict_after(23 * 3600).await, refused_with_account("expired_token"));
    assert_eq!(verdict_after(24 * 3600).await, refused_with_account("session_expired"));
    assert_eq!(verdict_after(-3600).await, refused_with_account("invalid_token"), "not yet valid");
}

#[tokio::test]
async fn verdicts_on_inauthentic_tokens_reveal_nothing() {
    let sas = Sas::start().await;
    let mut bad = vec!["x".to_owned(), "not a token".into(), "....".into(), "a.b.c".into(), "é".repeat(100)];
    bad.push(Sas::start().await.token(&generate_request(json!({}))).await);
    bad.push(Sas::start().await.token(&generate_request(json!({"encrypt": false}))).await);
    for encrypt in [true, false] {
        let token = sas.token(&generate_request(json!({"encrypt": encrypt}))).await;
        let parts: Vec<&str> = token.split('.').collect();
        for (index, part) in parts.iter().enumerate().filter(|(_, part)| !part.is_empty()) {
            let mut parts = parts.clone();
            let swapped = if part.starts_with('A') { "B" } else { "A" }.to_owned() + &part[1..];
            parts[index] = &swapped;
            bad.push(parts.join("."));
        }
        bad.push(format!("{token}A"));
        bad.push(token[..token.len() - 1].to_owned());
        bad.push(format!(" {token}"));
    }
    // Also expired: an authentic token would be reported as expired.
    sas.clock.advance(TimeDelta::hours(2));
    for token in bad {
        let answer = sas.validates(&json!({"token": token})).await;
        assert_eq!((answer.status, answer.body()), (200, refused("invalid_token")), "{token}");
    }
}

#[tokio::test]
async fn alg_none_is_rejected() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let sas = Sas::start().await;
    let signed = sas.token(&generate_request(json!({"encrypt": false}))).await;
    let claims = signed.split('.').nth(1).unwrap();
    for alg in ["none", "None", "HS256", "ES256"] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": alg, "typ": "JWT"}).to_string());
        for signature in ["", "AAAA"] {
            let token = format!("{header}.{claims}.{signature}");
            assert_eq!(
                sas.validates(&json!({"token": token})).await.body(),
                refused("invalid_token"),
                "{alg}"
            );
        }
    }
}

#[tokio::test]
async fn malformed_requests_are_rejected() {
    let sas = Sas::start().await;
    for (fields, message) in [
        (json!({}), "`token` is missing."),
        (json!({"token": ""}), "`token` is malformed: expected a token of 1 to 8192 characters."),
        (
            json!({"token": "hunter2".repeat(1200)}),
            "`token` is malformed: expected a token of 1 to 8192 characters.",
        ),
        (json!({"token": {"hunter2": 1}}), "`token` is malformed: expected a string."),
        (
            json!({"token": "x", "fingerprint": "hunter2!"}),
            "`fingerprint` is malformed: expected a fingerprint.",
        ),
    ] {
        let answer = sas.validates(&fields).await;
        answer.is_refusal(400, "invalid_request");
        assert_eq!(answer.member("message"), message);
    }
}
