//! Succession of a session's tokens: one successor each, however often it is requested; reuse by two holders revokes
//! the session; and expired tokens are resumed by their browser.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::api::{Sas, generate_request, refresh_request};

#[tokio::test]
async fn refresh_is_idempotent_within_the_grace_period() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({}))).await;
    let first = sas.claims(&sas.successor(&token, json!({})).await);
    assert_eq!((sas.claims(&token).generation, first.generation), (0, 1));
    for seconds in [0, 1, 57] {
        sas.clock.advance(TimeDelta::seconds(seconds));
        assert_eq!(sas.claims(&sas.successor(&token, json!({})).await), first, "the response was lost");
    }
}

#[tokio::test]
async fn an_old_token_revokes_only_its_session() {
    let sas = Sas::start().await;
    let stolen = sas.token(&generate_request(json!({}))).await;
    let second = sas.successor(&stolen, json!({})).await;
    let own = sas.successor(&second, json!({})).await;
    let neighbours = sas.token(&generate_request(json!({}))).await;
    sas.clock.advance(TimeDelta::seconds(61));
    assert_eq!(sas.validates(&json!({"token": own})).await.body()["authorized"], true);
    assert_eq!(sas.refresh(&stolen, json!({})).await["reason"], "revoked_token");
    assert_eq!(sas.validates(&json!({"token": own})).await.body()["reason"], "revoked_token");
    assert_eq!(sas.validates(&json!({"token": neighbours})).await.body()["authorized"], true);
}

#[tokio::test]
async fn a_token_two_generations_old_revokes_the_session() {
    let sas = Sas::start().await;
    let first = sas.token(&generate_request(json!({}))).await;
    let second = sas.successor(&first, json!({})).await;
    sas.successor(&second, json!({})).await;
    assert_eq!(sas.refresh(&first, json!({})).await["reason"], "revoked_token");
}

#[tokio::test]
async fn replicas_agree_on_the_successor() {
    let sas = Sas::start().await;
    let replica = sas.replica().await;
    let first = sas.token(&generate_request(json!({}))).await;
    let second = sas.successor(&first, json!({})).await;
    let third = replica.successor(&second, json!({})).await;
    assert_eq!(sas.claims(&third).generation, 2);
    assert_eq!(sas.refresh(&first, json!({})).await["reason"], "revoked_token");
}

#[tokio::test]
async fn expired_tokens_are_resumed_by_their_browser_within_the_window() {
    let sas = Sas::start().await;
    let bound = sas.token(&generate_request(json!({"jkt": "A".repeat(43), "ttl": 3600}))).await;
    let unbound = sas.token(&generate_request(json!({"ttl": 3600}))).await;
    let refreshes =
        async |token: &str, others: Value| sas.validates(&refresh_request(token, others)).await.body();
    let own = json!({"jkt": "A".repeat(43)});
    sas.clock.advance(TimeDelta::hours(2));
    assert_eq!(
        refreshes(&bound, json!({"successor": null, "jkt": "A".repeat(43)})).await["reason"],
        "expired_token",
        "it is good to be refreshed only"
    );
    assert_eq!(refreshes(&bound, json!({"jkt": "E".repeat(43)})).await["message"], "proof_validation_failed");
    assert_eq!(
        refreshes(&unbound, json!({"fingerprint": "fp2.some"})).await["reason"],
        "expired_token",
        "an unbound token accepts any fingerprint"
    );
    let resumed = refreshes(&bound, own.clone()).await["successor"]["token"].as_str().unwrap().to_owned();
    // 4 hours of the resume window after the current token's expiry; its lifetime is an hour.
    sas.clock.advance(TimeDelta::hours(5) - TimeDelta::minutes(1));
    assert_eq!(
        refreshes(&bound, own.clone()).await["authorized"],
        true,
        "its successor is within the window"
    );
    sas.clock.advance(TimeDelta::hours(5) + TimeDelta::minutes(1));
    for token in [&bound, &resumed] {
        assert_eq!(
            refreshes(token, own.clone()).await["reason"],
            "expired_token",
            "the resume window is over"
        );
    }
    sas.clock.advance(TimeDelta::hours(13));
    assert_eq!(refreshes(&bound, own).await["reason"], "session_expired");
}

#[tokio::test]
async fn key_bound_tokens_require_a_proof() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({"jkt": "A".repeat(43)}))).await;
    for (proof, authorized) in
        [(json!({"jkt": "A".repeat(43)}), true), (json!({"jkt": "E".repeat(43)}), false), (json!({}), false)]
    {
        let mut fields = proof.clone();
        fields["token"] = token.as_str().into();
        let verdict = sas.validates(&fields).await.body();
        assert_eq!(verdict["authorized"], authorized, "{proof}");
        assert_eq!(verdict["message"] == "proof_validation_failed", !authorized);
    }
}

#[tokio::test]
async fn responses_say_when_to_refresh() {
    let sas = Sas::start().await;
    for ttl in [1, 100, 21_600] {
        let answer = sas.generates(&generate_request(json!({"ttl": ttl}))).await.body();
        assert_eq!(answer["expires_in"], ttl);
        let after = answer["refresh_after"].as_u64().unwrap();
        assert!(after < ttl && after >= ttl * 7 / 10, "{after} of {ttl}");
    }
}
