//! How the tokens of a session follow each other: one successor for each, however often it is asked for, and an end for
//! the session whose token turns up in two hands; and how a browser goes on after its token's end.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{Sas, asking};

async fn session_of(sas: &Sas, token: &str) -> Value {
    sas.validates(&json!({"token": token})).await.body()["session"].clone()
}

#[tokio::test]
async fn a_token_has_one_generation_of_successors_within_the_grace() {
    let sas = Sas::start().await;
    let session = session_of(&sas, &sas.token(&asking(json!({}))).await).await;
    assert_eq!(session["generation"], 0);
    for seconds in [0, 1, 57] {
        sas.clock.advance(TimeDelta::seconds(seconds));
        let successor = sas.token(&asking(json!({"session": session}))).await;
        assert_eq!(
            session_of(&sas, &successor).await["generation"],
            1,
            "the answer was lost, and it is asked again"
        );
    }
}

#[tokio::test]
async fn a_token_that_was_replaced_long_ago_ends_the_session_when_it_turns_up() {
    let sas = Sas::start().await;
    let stolen = session_of(&sas, &sas.token(&asking(json!({}))).await).await;
    let own = sas.token(&asking(json!({"session": stolen}))).await;
    let neighbours = sas.token(&asking(json!({}))).await;
    sas.clock.advance(TimeDelta::seconds(61));
    assert_eq!(sas.validates(&json!({"token": own})).await.body()["authorized"], true);
    sas.generates(&asking(json!({"session": stolen}))).await.is_refusal(401, "revoked_token");
    assert_eq!(sas.validates(&json!({"token": own})).await.body()["reason"], "revoked_token");
    assert_eq!(sas.validates(&json!({"token": neighbours})).await.body()["authorized"], true);
}

#[tokio::test]
async fn a_token_two_generations_old_ends_the_session_at_once() {
    let sas = Sas::start().await;
    let first = session_of(&sas, &sas.token(&asking(json!({}))).await).await;
    let second = session_of(&sas, &sas.token(&asking(json!({"session": first}))).await).await;
    sas.token(&asking(json!({"session": second}))).await;
    sas.generates(&asking(json!({"session": first}))).await.is_refusal(401, "revoked_token");
}

#[tokio::test]
async fn replicas_agree_on_the_successor() {
    let sas = Sas::start().await;
    let replica = sas.replica().await;
    let first = session_of(&sas, &sas.token(&asking(json!({}))).await).await;
    let second = session_of(&sas, &sas.token(&asking(json!({"session": first}))).await).await;
    let third = session_of(&replica, &replica.token(&asking(json!({"session": second}))).await).await;
    assert_eq!(third["generation"], 2);
    sas.generates(&asking(json!({"session": first}))).await.is_refusal(401, "revoked_token");
}

#[tokio::test]
async fn an_expired_token_is_resumed_by_its_own_browser_alone_for_a_while() {
    let sas = Sas::start().await;
    let bound = sas.token(&asking(json!({"jkt": "A".repeat(43), "ttl": 3600}))).await;
    let unbound = sas.token(&asking(json!({"ttl": 3600}))).await;
    let asks = async |token: &str, others: Value| {
        let mut fields = json!({"token": token, "resume": true});
        fields.as_object_mut().unwrap().append(&mut others.as_object().unwrap().clone());
        sas.validates(&fields).await.body()
    };
    let own = json!({"jkt": "A".repeat(43), "fingerprint": "fp1.some"});
    sas.clock.advance(TimeDelta::hours(2));
    assert_eq!(asks(&bound, own.clone()).await["authorized"], true);
    assert_eq!(
        asks(&bound, json!({"resume": false, "jkt": "A".repeat(43)})).await["reason"],
        "expired_token"
    );
    assert_eq!(asks(&bound, json!({"jkt": "E".repeat(43)})).await["message"], "proof_validation_failed");
    assert_eq!(
        asks(&unbound, json!({"fingerprint": "fp1.some"})).await["reason"],
        "expired_token",
        "bound to nobody"
    );
    sas.clock.advance(TimeDelta::hours(3));
    assert_eq!(asks(&bound, own.clone()).await["reason"], "expired_token", "the while is over");
    sas.clock.advance(TimeDelta::hours(20));
    assert_eq!(asks(&bound, own).await["reason"], "session_expired");
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_needs_a_proof_by_it() {
    let sas = Sas::start().await;
    let token = sas.token(&asking(json!({"jkt": "A".repeat(43)}))).await;
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
async fn a_page_is_told_when_to_refresh() {
    let sas = Sas::start().await;
    for ttl in [1, 100, 21_600] {
        let answer = sas.generates(&asking(json!({"ttl": ttl}))).await.body();
        assert_eq!(answer["expires_in"], ttl);
        let after = answer["refresh_after"].as_u64().unwrap();
        assert!(after < ttl && after >= ttl * 7 / 10, "{after} of {ttl}");
    }
}
