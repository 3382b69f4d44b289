//! Revocation of sessions: by their guests (`FAS ->> SAS: POST /v1/ScopedAuthTokens/revoke`), and by operators, with a
//! separate route and credential on the admin listener.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::api::{
    ACCOUNT, OPERATOR_SECRET, REVOKE, SECRET, Sas, fingerprint, generate_request,
    http::{Answer, Request},
};

const REVOCATIONS: &str = "/v1/Revocations";
const OTHER_ACCOUNT: &str = "AC00000000000000000000000000000002";

async fn revokes(sas: &Sas, fields: &Value) -> Answer {
    sas.answers_federated_auth(Request::post(REVOKE).json(fields)).await
}

async fn operator_revokes(sas: &Sas, fields: &Value) -> Answer {
    Request::post(REVOCATIONS).bearer(OPERATOR_SECRET).json(fields).send(sas.running.admin_address).await
}

/// `authorized`, or the reason for the rejection.
async fn verdict(sas: &Sas, token: &str) -> String {
    let body = sas.validates(&json!({"token": token})).await.body();
    if body["authorized"] == true {
        "authorized".into()
    } else {
        body["reason"].as_str().unwrap_or("").to_owned()
    }
}

#[tokio::test]
async fn a_guest_revokes_only_their_own_session() {
    let sas = Sas::start().await;
    let made = sas.generates(&generate_request(json!({}))).await;
    let (own, other) = (made.member("token"), sas.token(&generate_request(json!({}))).await);
    for _ in 0..2 {
        let answer = revokes(&sas, &json!({"accountSid": ACCOUNT, "token": own})).await;
        let revoked = json!({"revoked": true, "session_id": made.member("session_id")});
        assert_eq!((answer.status, answer.body()), (200, revoked), "revoking twice succeeds");
    }
    assert_eq!(verdict(&sas, &own).await, "revoked_token");
    assert_eq!(verdict(&sas, &other).await, "authorized");
}

#[tokio::test]
async fn revoking_ends_all_tokens_of_a_session_even_with_an_expired_one() {
    let sas = Sas::start().await;
    let first = sas.token(&generate_request(json!({"ttl": 60}))).await;
    let second = sas.successor(&first, json!({})).await;
    sas.clock.advance(TimeDelta::seconds(90));
    assert_eq!(verdict(&sas, &first).await, "expired_token");
    let answer = revokes(&sas, &json!({"accountSid": ACCOUNT, "token": first})).await;
    assert_eq!(answer.body()["revoked"], true);
    assert_eq!(verdict(&sas, &second).await, "revoked_token");
}

#[tokio::test]
async fn foreign_sessions_are_not_revoked() {
    let sas = Sas::start().await;
    let (guests, thiefs) = (fingerprint::of(fingerprint::CHROME), fingerprint::of(fingerprint::FIREFOX));
    let fields = generate_request(json!({"fingerprint": guests}));
    let token = sas.token(&fields).await;
    for (who, fields) in [
        ("another account", json!({"accountSid": OTHER_ACCOUNT, "token": token})),
        ("a foreign token", json!({"accountSid": ACCOUNT, "token": "hunter2"})),
    ] {
        let answer = revokes(&sas, &fields).await;
        assert_eq!((answer.status, answer.body()), (200, json!({"revoked": false})), "{who}");
        assert_eq!(verdict(&sas, &token).await, "authorized", "{who}");
    }
    let of_thief = json!({"accountSid": ACCOUNT, "token": token, "fingerprint": thiefs});
    revokes(&sas, &of_thief).await.is_refusal(403, "fingerprint_invalid");
    assert_eq!(verdict(&sas, &token).await, "authorized");
    revokes(&sas, &json!({"token": token})).await.is_refusal(400, "invalid_request");
}

#[tokio::test]
async fn an_incomparable_fingerprint_does_not_revoke_and_can_be_repeated() {
    let sas = Sas::start().await;
    let guests = fingerprint::of(fingerprint::CHROME);
    let [.., other_key] = fingerprint::incomparable();
    let token = sas.token(&generate_request(json!({"fingerprint": guests}))).await;
    let fields =
        |fingerprint: &str| json!({"accountSid": ACCOUNT, "token": token, "fingerprint": fingerprint});
    revokes(&sas, &fields(&other_key)).await.is_refusal(503, "upstream_unavailable");
    assert_eq!(verdict(&sas, &token).await, "authorized");
    assert_eq!(revokes(&sas, &fields(&guests)).await.body()["revoked"], true);
}

#[tokio::test]
async fn revoking_a_bound_session_requires_its_key() {
    let sas = Sas::start().await;
    let (key, other) = ("A".repeat(43), "E".repeat(43));
    let token = sas.token(&generate_request(json!({"jkt": key}))).await;
    let is_good =
        async || sas.validates(&json!({"token": token, "jkt": key})).await.body()["authorized"] == true;
    for fields in [
        json!({"accountSid": ACCOUNT, "token": token}),
        json!({"accountSid": ACCOUNT, "token": token, "jkt": other}),
    ] {
        revokes(&sas, &fields).await.is_refusal(401, "invalid_dpop_proof");
        assert!(is_good().await, "{fields}");
    }
    // Another account does not learn that the token exists.
    let answer = revokes(&sas, &json!({"accountSid": OTHER_ACCOUNT, "token": token})).await;
    assert_eq!((answer.status, answer.body()), (200, json!({"revoked": false})));
    sas.clock.advance(TimeDelta::hours(2));
    let answer = revokes(&sas, &json!({"accountSid": ACCOUNT, "token": token, "jkt": key})).await;
    assert_eq!(answer.body()["revoked"], true, "an expired token too");
    revokes(&sas, &json!({"accountSid": ACCOUNT, "token": token}))
        .await
        .is_refusal(401, "invalid_dpop_proof");
}

#[tokio::test]
async fn an_operator_revokes_everything_issued_before_now() {
    let identity = "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77";
    let other_deployment = json!([{"type": "webchat", "address_sid": "IG00000000000000000000000000000001",
        "deployment_key": "CV00000000000000000000000000000002"}]);
    for (subject, kind, dead) in [
        (json!({"accountSid": ACCOUNT}), "account", [true, true, true, false]),
        (json!({"accountSid": ACCOUNT, "identity": identity}), "identity", [true, false, false, false]),
        (
            json!({"deploymentKey": "CV00000000000000000000000000000002"}),
            "deployment",
            [false, true, false, false],
        ),
        (json!("sessionId"), "session", [false, false, true, false]),
        (json!("token"), "session", [false, false, true, false]),
    ] {
        let sas = Sas::start().await;
        let earlier = json!({"sid": "c1a3d1a0-7f0f-4b0e-9b9a-3f5f1f6f7a01", "authTime": sas.clock.now()});
        let tokens = [
            sas.generates(&generate_request(json!({"identity": identity, "earlierSession": earlier}))).await,
            sas.generates(&generate_request(json!({"grants": other_deployment}))).await,
            sas.generates(&generate_request(json!({}))).await,
            sas.generates(&generate_request(json!({"accountSid": OTHER_ACCOUNT}))).await,
        ];
        let subject = match subject.as_str() {
            Some("token") => json!({"token": tokens[2].member("token")}),
            Some(_) => json!({"sessionId": tokens[2].member("session_id")}),
            None => subject,
        };
        let answer = operator_revokes(&sas, &subject).await;
        assert_eq!((answer.status, answer.member("kind").as_str()), (200, kind));
        for (answer, dead) in tokens.iter().zip(dead) {
            let expected = if dead { "revoked_token" } else { "authorized" };
            assert_eq!(verdict(&sas, &answer.member("token")).await, expected, "{kind}");
        }
        sas.clock.advance(TimeDelta::seconds(1));
        assert_eq!(
            verdict(&sas, &sas.token(&generate_request(json!({}))).await).await,
            "authorized",
            "what comes after lives"
        );
    }
}

#[tokio::test]
async fn an_operator_request_names_exactly_one_subject() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({}))).await;
    for fields in [
        json!({}),
        json!({"identity": "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77"}),
        json!({"accountSid": ACCOUNT, "deploymentKey": "CV00000000000000000000000000000001"}),
        json!({"accountSid": ACCOUNT, "deplomentKey": "hunter2"}),
        json!({"token": "hunter2"}),
    ] {
        let answer = operator_revokes(&sas, &fields).await;
        answer.is_refusal(400, "invalid_request");
        answer.does_not_repeat("hunter2");
    }
    assert_eq!(verdict(&sas, &token).await, "authorized");
}

#[tokio::test]
async fn operator_revocation_requires_the_operator_credential() {
    let sas = Sas::start().await;
    let call = || Request::post(REVOCATIONS).json(&json!({"accountSid": ACCOUNT}));
    let admin = sas.running.admin_address;
    for call in [call(), call().bearer(SECRET), call().bearer("hunter2-hunter2-hunter2")] {
        call.send(admin).await.is_refusal(401, "invalid_service_credential");
    }
    sas.answers_federated_auth(call()).await.is_refusal(404, "not_found");
    sas.answers(call().bearer(OPERATOR_SECRET)).await.is_refusal(401, "invalid_service_credential");
    let without = Sas::with(|config| config.operator_secrets = Vec::new()).await;
    for call in [call(), call().bearer(OPERATOR_SECRET), call().header("authorization", "Bearer ")] {
        call.send(without.running.admin_address).await.is_refusal(401, "invalid_service_credential");
    }
}

#[tokio::test]
async fn revocations_reach_replicas_and_survive_a_restart() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({}))).await;
    revokes(&sas, &json!({"accountSid": ACCOUNT, "token": token})).await;
    let another = sas.replica().await;
    assert_eq!(verdict(&another, &token).await, "revoked_token");
}
