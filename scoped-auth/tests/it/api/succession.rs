//! The successor of the presented token: the table of the contract, section 7, over HTTP.

use chrono::TimeDelta;
use serde_json::{Value, json};
use token::claims::Claims;
use tokio::task::JoinSet;

use crate::api::{
    ACCOUNT, DEPLOYMENT, Sas, VALIDATE, audit, fingerprint, generate_request, http::Request, refresh_request,
};

const GRACE: TimeDelta = TimeDelta::seconds(60);

fn after_the_grace() -> TimeDelta {
    GRACE + TimeDelta::seconds(1)
}

/// The thumbprint of a proof key.
fn jkt(letter: &str) -> Value {
    json!({"jkt": letter.repeat(43)})
}

/// A `successor` with another ttl.
fn ttl(seconds: u32) -> Value {
    json!({"accountSid": ACCOUNT, "deploymentKey": DEPLOYMENT, "ttl": seconds})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_refreshes_of_one_token_have_one_successor() {
    let sas = Sas::start().await;
    let replica = sas.replica().await;
    let token = sas.token(&generate_request(json!({}))).await;
    let mut calls = JoinSet::new();
    for (n, address) in
        [&sas, &replica].map(|sas| sas.running.address()).into_iter().cycle().take(64).enumerate()
    {
        // Each with another ttl: the first one applies to all.
        let request = Request::post(VALIDATE)
            .json(&refresh_request(&token, json!({"successor": ttl(3600 + u32::try_from(n).unwrap())})));
        calls.spawn(async move { request.bearer(crate::api::SECRET).send(address).await.body() });
    }
    let verdicts = calls.join_all().await;
    let successors: Vec<Claims> =
        verdicts.iter().map(|verdict| sas.claims(verdict["successor"]["token"].as_str().unwrap())).collect();
    assert_eq!(successors.len(), 64);
    assert!(successors.iter().all(|claims| *claims == successors[0]), "{successors:?}");
    assert_eq!(successors[0].generation, 1);
    assert!(
        verdicts
            .iter()
            .all(|verdict| verdict["successor"]["expiration"] == verdicts[0]["successor"]["expiration"])
    );
    assert_eq!(sas.column(successors[0].sid, "repeats").await, 63);
}

#[tokio::test]
async fn a_reissued_successor_is_identical_whatever_changed_between_the_retries() {
    let sas = Sas::start().await;
    for sealed in [None, Some("fp2.the-browser")] {
        let token = sas.token(&generate_request(json!({"fingerprint": null}))).await;
        let first = sas.claims(&sas.successor(&token, json!({"fingerprint": sealed})).await);
        for others in [
            json!({"successor": ttl(7)}),
            json!({"successor": ttl(21_600)}),
            json!({"fingerprint": "fp2.another-browser"}),
            json!({"fingerprint": null}),
            json!({"fingerprint": sealed}),
        ] {
            assert_eq!(sas.claims(&sas.successor(&token, others.clone()).await), first, "{others}");
        }
        assert_eq!(first.fingerprint.map(String::from).as_deref(), sealed);
    }
}

#[tokio::test]
async fn a_reissued_successor_has_the_remaining_lifetime() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({}))).await;
    let first = sas.refresh(&token, json!({"successor": ttl(1000)})).await["successor"].clone();
    sas.clock.advance(TimeDelta::seconds(50));
    let again = sas.refresh(&token, json!({"successor": ttl(7)})).await["successor"].clone();
    assert_eq!(again["expiration"], first["expiration"]);
    assert_eq!(first["expires_in"], 1000);
    for member in ["expires_in", "refresh_after"] {
        let [first, again] = [&first, &again].map(|successor| successor[member].as_i64().unwrap());
        // Minus the duration of the test itself.
        assert!((50..60).contains(&(first - again)), "{member}: {first}, then {again}");
    }
}

#[tokio::test]
async fn old_tokens_with_a_valid_proof_never_revoke_a_bound_session() {
    let sas = Sas::start().await;
    let key = jkt("A");
    let mut tokens = vec![sas.token(&generate_request(key.clone())).await];
    for _ in 0..3 {
        tokens.push(sas.successor(tokens.last().unwrap(), key.clone()).await);
    }
    let claims = |token: &str| sas.claims(token);
    let third = claims(&tokens[3]);
    for old in &tokens[..3] {
        assert_eq!(claims(&sas.successor(old, key.clone()).await), third, "within the grace");
    }
    // Its successor is in use.
    sas.validates(&json!({"token": tokens[3], "jkt": key["jkt"]})).await;
    sas.is_shown(third.sid).await;
    sas.clock.advance(after_the_grace());
    let fourth = claims(&sas.successor(&tokens[1], key.clone()).await);
    assert_eq!(fourth.generation, 4, "one advance");
    for old in &tokens {
        assert_eq!(
            claims(&sas.successor(old, key.clone()).await),
            fourth,
            "within the grace of the last move"
        );
    }
    assert_eq!(fourth.cnf, third.cnf);
    assert_eq!(
        sas.validates(&json!({"token": tokens[3], "jkt": key["jkt"]})).await.body()["authorized"],
        true
    );
}

#[tokio::test]
async fn unbound_sessions_reissue_until_the_successor_was_used() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({}))).await;
    let lost = sas.claims(&sas.successor(&token, json!({})).await);
    for _ in 0..2 {
        sas.clock.advance(after_the_grace());
        let again = sas.claims(&sas.successor(&token, json!({})).await);
        assert_eq!((again.sid, again.generation), (lost.sid, 1), "the current generation again");
        assert!(again.iat >= lost.iat + after_the_grace() && again.nbf == again.iat, "{again:?}");
        assert_eq!(again.exp - again.iat, lost.exp - lost.iat, "its own lifetime");
        assert_ne!(again.jti, lost.jti);
        assert_eq!(
            sas.claims(&sas.successor(&token, json!({})).await),
            again,
            "within the grace of the last one"
        );
    }
    let arrived = sas.successor(&token, json!({})).await;
    assert_eq!(sas.validates(&json!({"token": arrived})).await.body()["authorized"], true);
    sas.is_shown(lost.sid).await;
    let again = sas.claims(&sas.successor(&token, json!({})).await);
    assert_eq!(again, sas.claims(&arrived), "another tab, within the grace");
    sas.clock.advance(after_the_grace());
    assert_eq!(sas.refresh(&token, json!({})).await["reason"], "revoked_token");
    assert_eq!(sas.validates(&json!({"token": arrived})).await.body()["reason"], "revoked_token");
}

#[tokio::test]
async fn a_rejected_refresh_does_not_advance_the_session() {
    let sas = Sas::start().await;
    let bound = sas.token(&generate_request(jkt("A"))).await;
    let browsers =
        sas.token(&generate_request(json!({"fingerprint": fingerprint::of(fingerprint::CHROME)}))).await;
    let plain = sas.token(&generate_request(json!({}))).await;
    let signed = json!([{"type": "chat", "service_sid": "IS00000000000000000000000000000001"}]);
    let without_deployment = sas.token(&generate_request(json!({"grants": signed}))).await;
    let (invalid, expired) = ("invalid_token", "expired_token");
    let other = |name: &str, value: &str| {
        let mut successor = ttl(3600);
        successor[name] = value.into();
        json!({"successor": successor})
    };
    let account = other("accountSid", "AC00000000000000000000000000000002");
    let deployment = other("deploymentKey", "CV00000000000000000000000000000002");
    let with_key = |mut others: Value| {
        others["jkt"] = jkt("A")["jkt"].clone();
        others
    };
    for (token, others, what) in [
        (&plain, account.clone(), invalid),
        (&plain, deployment.clone(), invalid),
        (&without_deployment, json!({}), invalid),
        (&bound, with_key(account), invalid),
        (&bound, with_key(deployment), invalid),
        (&bound, json!({}), "proof_validation_failed"),
        (&bound, jkt("E"), "proof_validation_failed"),
        (
            &browsers,
            json!({"fingerprint": fingerprint::of(fingerprint::FIREFOX)}),
            "fingerprint_validation_failed",
        ),
    ] {
        is_refused_and_moves_nothing(&sas, token, others, what).await;
    }
    // The same for a session that has a row.
    let second = sas.successor(&bound, jkt("A")).await;
    is_refused_and_moves_nothing(&sas, &second, jkt("E"), "proof_validation_failed").await;
    is_refused_and_moves_nothing(&sas, &bound, json!({}), "proof_validation_failed").await;
    sas.clock.advance(TimeDelta::hours(2));
    is_refused_and_moves_nothing(&sas, &plain, json!({}), expired).await;
    sas.clock.advance(TimeDelta::hours(6));
    is_refused_and_moves_nothing(&sas, &second, jkt("A"), expired).await;
    is_refused_and_moves_nothing(&sas, &bound, jkt("A"), expired).await;
    is_refused_and_moves_nothing(&sas, &second, jkt("E"), "proof_validation_failed").await;
}

#[tokio::test]
async fn refreshing_a_revoked_session_does_not_advance_it() {
    let sas = Sas::start().await;
    let [ended, revoked] =
        [sas.token(&generate_request(jkt("A"))).await, sas.token(&generate_request(json!({}))).await];
    let second = sas.successor(&revoked, json!({})).await;
    let revoke = json!({"accountSid": ACCOUNT, "token": second});
    sas.answers_federated_auth(Request::post(crate::api::REVOKE).json(&revoke)).await;
    is_refused_and_moves_nothing(&sas, &second, json!({}), "revoked_token").await;
    is_refused_and_moves_nothing(&sas, &revoked, json!({}), "revoked_token").await;
    sas.clock.advance(TimeDelta::hours(24));
    is_refused_and_moves_nothing(&sas, &ended, jkt("A"), "session_expired").await;
    is_refused_and_moves_nothing(&sas, &ended, jkt("E"), "proof_validation_failed").await;
}

async fn is_refused_and_moves_nothing(sas: &Sas, token: &str, others: Value, what: &str) {
    let session = sas.claims(token).sid;
    let before = sas.row(session).await;
    let verdict = sas.refresh(token, others.clone()).await;
    let reason = verdict["reason"].as_str().or(verdict["message"].as_str());
    assert_eq!((&verdict["authorized"], reason), (&json!(false), Some(what)), "{others}");
    assert_eq!(sas.row(session).await, before, "{what}: {others}");
}

#[tokio::test]
async fn a_token_newer_than_a_restored_store_is_current() {
    let sas = Sas::start().await;
    for (restored, replaced) in [("UPDATE sessions SET generation = 1", 1), ("DELETE FROM sessions", 0)] {
        let mut tokens = vec![sas.token(&generate_request(json!({}))).await];
        for _ in 0..3 {
            tokens.push(sas.successor(tokens.last().unwrap(), json!({})).await);
        }
        let session = sas.claims(&tokens[0]).sid;
        sas.store().await.execute(&format!("{restored} WHERE session_id = '{session}'")).await;
        let next = sas.claims(&sas.successor(&tokens[3], json!({})).await);
        assert_eq!(next.generation, 4);
        assert_eq!(
            sas.claims(&sas.successor(&tokens[3], json!({})).await),
            next,
            "and has the same successor"
        );
        assert_eq!(sas.column(session, "generation").await, 4);
        assert_eq!(sas.column(session, "replaced").await, replaced);
        let events = audit::events(&sas, session);
        assert_eq!(
            events[4..],
            ["store_restored", "session_refreshed", "successor_repeated 1"],
            "{events:?}"
        );
    }
}
