//! `POST /v2/Webchat/Token` and `POST /v2/Webchat/Token/Refresh`, and their token errors.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::api::{
    Fwo, OFF, OFF_DISABLED, OFF_LISTED, ON, ON_DISABLED, ON_LISTED, REFRESH, SHOP, firefox, http::Request,
    is_refused,
};

#[tokio::test]
async fn create_returns_a_token_with_the_feature_on_and_off() {
    let fwo = Fwo::start().await;
    for deployment in [ON, OFF] {
        let made = fwo.creates_token(deployment).await;
        assert_eq!((made.status, made.header("cache-control").as_str()), (200, "no-store"));
        assert_eq!(made.members(), ["token", "expiration", "expires_in", "refresh_after", "identity"]);
        let expiration = made.member("expiration");
        assert!(expiration.ends_with('Z'), "RFC 3339 in UTC: {expiration}");
        let ttl = expiration.parse::<DateTime<Utc>>().unwrap() - fwo.clock.now();
        assert!((ttl - TimeDelta::hours(6)).num_seconds().abs() < 60, "about six hours: {ttl}");
        let again = fwo.creates_token(deployment).await;
        assert_ne!(made.member("identity"), again.member("identity"), "a new session is a new guest");
    }
}

#[tokio::test]
async fn refresh_continues_the_session() {
    let fwo = Fwo::start().await;
    for deployment in [ON, OFF] {
        let made = fwo.creates_token(deployment).await;
        let refreshed = fwo.refreshes_token(deployment, &made.member("token")).await;
        assert_eq!((refreshed.status, refreshed.header("cache-control").as_str()), (200, "no-store"));
        assert_eq!(
            refreshed.members(),
            ["valid", "token", "expiration", "expires_in", "refresh_after", "identity"],
            "no conversation yet"
        );
        assert_eq!(refreshed.body()["valid"], true);
        assert_eq!(refreshed.member("identity"), made.member("identity"));
        let opened = fwo.opens_conversation(&refreshed.member("token")).await;
        let again = fwo.refreshes_token(deployment, &refreshed.member("token")).await;
        assert_eq!(again.member("conversation_sid"), opened.member("conversation_sid"));
    }
}

#[tokio::test]
async fn expired_and_premature_tokens_have_their_own_codes() {
    let fwo = Fwo::start().await;
    let token = fwo.token(OFF_LISTED).await;
    for (hours, code) in [(-1, "invalid_token"), (8, "expired_token"), (18, "session_expired")] {
        fwo.clock.advance(TimeDelta::hours(hours));
        let refused = fwo.refreshes_token(OFF_LISTED, &token).await;
        is_refused(&refused, 401, code, SHOP);
        assert_eq!(refused.header("www-authenticate"), r#"Bearer realm="webchat", error="invalid_token""#);
        is_refused(&fwo.opens_conversation(&token).await, 401, code, SHOP);
    }
}

#[tokio::test]
async fn expired_tokens_are_refreshed_only_by_their_own_browser() {
    let fwo = Fwo::start().await;
    let made = fwo.creates_token(ON_LISTED).await;
    let token = made.member("token");
    fwo.clock.advance(TimeDelta::hours(7));
    is_refused(&fwo.opens_conversation(&token).await, 401, "expired_token", SHOP);
    let fields = json!({"deploymentKey": ON_LISTED, "token": token});
    let thief = fwo.answers(firefox(Request::post(REFRESH)).json(&fields)).await;
    is_refused(&thief, 403, "fingerprint_invalid", SHOP);
    let resumed = fwo.refreshes_token(ON_LISTED, &token).await;
    assert_eq!(resumed.member("identity"), made.member("identity"));
    assert_eq!(fwo.opens_conversation(&resumed.member("token")).await.status, 201);
}

#[tokio::test]
async fn reusing_a_token_after_its_successor_was_used_revokes_the_session() {
    let fwo = Fwo::start().await;
    let stolen = fwo.token(OFF_LISTED).await;
    let second = fwo.refreshes_token(OFF_LISTED, &stolen).await.member("token");
    let own = fwo.refreshes_token(OFF_LISTED, &second).await.member("token");
    is_refused(&fwo.refreshes_token(OFF_LISTED, &stolen).await, 401, "revoked_token", SHOP);
    is_refused(&fwo.refreshes_token(OFF_LISTED, &own).await, 401, "revoked_token", SHOP);
    is_refused(&fwo.opens_conversation(&own).await, 401, "revoked_token", SHOP);
}

#[tokio::test]
async fn tokens_of_other_accounts_are_invalid() {
    let fwo = Fwo::start().await;
    let token = fwo.token(ON_LISTED).await;
    let of_another_account = fwo.token(OFF).await;
    let of_another_key = Fwo::start().await.token(ON_LISTED).await;
    let tampered = token.replacen("..", "..A", 1);
    for bad in ["hunter2", "....", &of_another_account, &of_another_key, &tampered] {
        let refused = fwo.refreshes_token(ON_LISTED, bad).await;
        is_refused(&refused, 401, "invalid_token", SHOP);
        refused.does_not_repeat(bad);
    }
}

#[tokio::test]
async fn unknown_and_disabled_deployment_keys_are_rejected() {
    let fwo = Fwo::start().await;
    let unknown = "CV000000000000000000000000000000ff";
    for (deployment, status, code, allow_origin) in [
        (ON_DISABLED, 403, "deployment_key_disabled", SHOP),
        (OFF_DISABLED, 403, "deployment_key_disabled", SHOP),
        (unknown, 404, "deployment_key_not_found", "*"),
    ] {
        for answer in [fwo.creates_token(deployment).await, fwo.refreshes_token(deployment, "x").await] {
            is_refused(&answer, status, code, allow_origin);
            answer.does_not_repeat(deployment);
        }
    }
}
