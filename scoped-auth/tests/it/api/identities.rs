//! `identity` and `earlierSession` of `generate/internal`: a new session with the identity of an earlier one.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::api::{
    ACCOUNT, DEPLOYMENT, OPERATOR_SECRET, REVOKE, Sas, audit, generate_request,
    http::{Answer, Request},
};

/// A new session with the identity of an earlier one.
async fn requests_identity(sas: &Sas, earlier: &Answer) -> Answer {
    let answer = sas.generates(&generate_request(identity_fields(earlier))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

fn identity_fields(earlier: &Answer) -> Value {
    json!({
        "identity": earlier.member("identity"),
        "earlierSession": {"sid": earlier.member("session_id"), "authTime": earlier.member("auth_time")},
    })
}

fn events(sas: &Sas, answer: &Answer) -> Vec<String> {
    audit::events(sas, answer.member("session_id").parse().unwrap())
}

#[tokio::test]
async fn the_identity_of_an_earlier_session_is_granted() {
    let sas = Sas::start().await;
    let earlier = sas.generates(&generate_request(json!({}))).await;
    sas.clock.advance(TimeDelta::days(29));
    let later = requests_identity(&sas, &earlier).await;
    assert_eq!(later.member("identity"), earlier.member("identity"));
    assert_ne!(later.member("session_id"), earlier.member("session_id"));
    let claims = sas.claims(&later.member("token"));
    assert_eq!(claims.grants.identity.to_string(), earlier.member("identity"));
    let began: DateTime<Utc> = later.member("auth_time").parse().unwrap();
    assert_eq!((claims.auth_time, claims.generation), (began, 0), "a new session");
    assert_eq!(events(&sas, &later), ["identity_granted", "session_created"]);
}

#[tokio::test]
async fn an_identity_is_not_granted_beyond_revocation_retention() {
    let sas = Sas::start().await;
    let earlier = sas.generates(&generate_request(json!({}))).await;
    sas.clock.advance(TimeDelta::days(30) + TimeDelta::seconds(1));
    let later = requests_identity(&sas, &earlier).await;
    assert_ne!(later.member("identity"), earlier.member("identity"));
    assert_eq!(events(&sas, &later), ["identity_refused too_old", "session_created"]);
}

#[tokio::test]
async fn an_identity_is_not_granted_after_its_session_was_revoked() {
    let sas = Sas::start().await;
    for revoked in ["by the guest", "session", "identity", "deployment", "account"] {
        let earlier = sas.generates(&generate_request(json!({}))).await;
        let subject = match revoked {
            "session" => json!({"sessionId": earlier.member("session_id")}),
            "identity" => json!({"accountSid": ACCOUNT, "identity": earlier.member("identity")}),
            "deployment" => json!({"deploymentKey": DEPLOYMENT}),
            _ => json!({"accountSid": ACCOUNT}),
        };
        let answer = if revoked == "by the guest" {
            let revoke = json!({"accountSid": ACCOUNT, "token": earlier.member("token")});
            sas.answers_federated_auth(Request::post(REVOKE).json(&revoke)).await
        } else {
            let revoke = Request::post("/v1/Revocations").bearer(OPERATOR_SECRET).json(&subject);
            revoke.send(sas.running.admin_address).await
        };
        assert_eq!(answer.status, 200);
        sas.clock.advance(TimeDelta::seconds(1));
        let later = requests_identity(&sas, &earlier).await;
        assert_ne!(later.member("identity"), earlier.member("identity"), "{revoked}");
        assert_eq!(events(&sas, &later), ["identity_refused revoked", "session_created"], "{revoked}");
        // It is granted for a session that started after the revocation; a replica that has just started agrees.
        let newer = sas.generates(&generate_request(json!({}))).await;
        let replica = sas.replica().await;
        for (sas, earlier, is_granted) in [(&replica, &newer, true), (&replica, &earlier, false)] {
            let later = requests_identity(sas, earlier).await;
            assert_eq!(later.member("identity") == earlier.member("identity"), is_granted, "{revoked}");
        }
    }
}

#[tokio::test]
async fn revocations_outlive_tokens_for_identity_requests() {
    let sas = Sas::start().await;
    let revoke = async |answer: &Answer| {
        let revoke = json!({"accountSid": ACCOUNT, "token": answer.member("token")});
        sas.answers_federated_auth(Request::post(REVOKE).json(&revoke)).await;
    };
    revoke(&sas.generates(&generate_request(json!({}))).await).await;
    sas.clock.advance(TimeDelta::days(2));
    let earlier = sas.generates(&generate_request(json!({}))).await;
    revoke(&earlier).await;
    // All tokens of both have expired. The purge has deleted the older revocation.
    sas.clock.advance(TimeDelta::days(29));
    sas.store_has("SELECT COUNT(*) FROM revocations", 1).await;
    for sas in [&sas, &sas.replica().await] {
        let later = requests_identity(sas, &earlier).await;
        assert_ne!(later.member("identity"), earlier.member("identity"));
        assert_eq!(events(sas, &later), ["identity_refused revoked", "session_created"]);
    }
}

#[tokio::test]
async fn an_identity_requires_its_previous_session() {
    let sas = Sas::start().await;
    let earlier = sas.generates(&generate_request(json!({}))).await;
    for member in ["identity", "earlierSession"] {
        let answer =
            sas.generates(&generate_request(json!({member: identity_fields(&earlier)[member]}))).await;
        answer.is_refusal(400, "invalid_request");
        assert!(answer.member("message").starts_with("`earlierSession` is "), "{}", answer.text);
    }
}
