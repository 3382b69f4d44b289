//! Guest assertions: what SAS signs, what it refuses to sign, and that an assertion is never a session token.

use std::time::Duration;

use chrono::TimeDelta;
use ring::rand::SystemRandom;
use serde_json::{Value, json};
use shared_types::SessionId;
use test_support::eventually;
use token::key_file::{ChangeError, Force, KeyFile, RotationError, Use};

use crate::api::{
    ACCOUNT, DEPLOYMENT, REVOKE, Sas, fingerprint, generate_request,
    http::Request,
    keys::{published, verified},
    refresh_request,
};

const AUDIENCE: &str = "https://api.example.com";
const CONVERSATION: &str = "CH00000000000000000000000000000005";

async fn asks(sas: &Sas, token: &str, others: Value) -> Value {
    let mut fields = json!({"token": token, "assertion": {"audience": AUDIENCE}});
    for (name, value) in others.as_object().unwrap() {
        fields[name] = value.clone();
    }
    let answer = sas.validates(&fields).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body()
}

fn assertion(verdict: &Value) -> String {
    verdict["assertion"]["assertion"].as_str().unwrap_or_else(|| panic!("{verdict}")).to_owned()
}

#[tokio::test]
async fn an_assertion_is_verified_with_the_published_keys() {
    let sas = Sas::start().await;
    for encrypt in [true, false] {
        let made = sas.generates(&generate_request(json!({"encrypt": encrypt}))).await;
        let token = made.member("token");
        let verdict = asks(&sas, &token, json!({})).await;
        assert_eq!((&verdict["authorized"], &verdict["assertion"]["expires_in"]), (&true.into(), &60.into()));
        let (header, claims) = verified(&assertion(&verdict), &published(&sas).await).unwrap();
        assert_eq!((&header["typ"], &header["alg"]), (&"guest-assertion+jwt".into(), &"ES256".into()));
        let names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["iss", "aud", "sub", "account_sid", "deployment_key", "sid", "jti", "iat", "exp"];
        assert_eq!(names, expected);
        assert_eq!((&claims["iss"], &claims["aud"]), (&"https://chat.example.com".into(), &AUDIENCE.into()));
        assert_eq!(claims["sub"], made.member("identity"));
        assert_eq!(
            (&claims["account_sid"], &claims["deployment_key"]),
            (&ACCOUNT.into(), &DEPLOYMENT.into())
        );
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
        let session: SessionId = made.member("session_id").parse().unwrap();
        let sid = claims["sid"].as_str().unwrap();
        assert_eq!(sid, sas.key_ring().public_session_hash(session));

        let chosen = json!({"assertion": {"audience": AUDIENCE, "conversationSid": CONVERSATION}});
        let (_, next) =
            verified(&assertion(&asks(&sas, &token, chosen).await), &published(&sas).await).unwrap();
        assert_eq!((&next["conversation_sid"], &next["sid"]), (&CONVERSATION.into(), &claims["sid"]));
        assert_ne!(next["jti"], claims["jti"]);
    }
    assert!(sas.metrics().await.contains("assertions_signed_total 4"));
}

#[tokio::test]
async fn nothing_is_signed_for_a_rejected_token() {
    let sas = Sas::start().await;
    let mut rejected = Vec::new();
    let token = sas.token(&generate_request(json!({}))).await;
    rejected.push(asks(&sas, &format!("{token}A"), json!({})).await);

    let (own, others) = (fingerprint::of(fingerprint::CHROME), fingerprint::of(fingerprint::FIREFOX));
    let bound = sas.token(&generate_request(json!({"fingerprint": own}))).await;
    assertion(&asks(&sas, &bound, json!({"fingerprint": own})).await);
    rejected.push(asks(&sas, &bound, json!({"fingerprint": others})).await);

    let [jkt, other_jkt] = ["A", "B"].map(|letter| format!("{}A", letter.repeat(42)));
    let with_key = sas.token(&generate_request(json!({"jkt": jkt}))).await;
    assertion(&asks(&sas, &with_key, json!({"jkt": jkt})).await);
    rejected.push(asks(&sas, &with_key, json!({})).await);
    rejected.push(asks(&sas, &with_key, json!({"jkt": other_jkt})).await);

    let revoked = sas.token(&generate_request(json!({}))).await;
    let fields = json!({"accountSid": ACCOUNT, "token": revoked});
    assert_eq!(sas.answers_federated_auth(Request::post(REVOKE).json(&fields)).await.status, 200);
    rejected.push(asks(&sas, &revoked, json!({})).await);

    // Within the resume window a refresh is granted, an assertion is not.
    sas.clock.advance(TimeDelta::seconds(3600));
    rejected.push(asks(&sas, &bound, json!({"fingerprint": own})).await);
    sas.clock.advance(TimeDelta::hours(23));
    rejected.push(asks(&sas, &token, json!({})).await);

    let reasons: Vec<_> = rejected.iter().map(|verdict| (&verdict["message"], &verdict["reason"])).collect();
    let token_failed = |reason: &str| ("token_validation_failed".into(), reason.into());
    let expected: [(Value, Value); 7] = [
        token_failed("invalid_token"),
        ("fingerprint_validation_failed".into(), Value::Null),
        ("proof_validation_failed".into(), Value::Null),
        ("proof_validation_failed".into(), Value::Null),
        token_failed("revoked_token"),
        token_failed("expired_token"),
        token_failed("session_expired"),
    ];
    assert_eq!(reasons, expected.iter().map(|(message, reason)| (message, reason)).collect::<Vec<_>>());
    assert!(rejected.iter().all(|verdict| verdict.get("assertion").is_none()));
    assert!(sas.metrics().await.contains("assertions_signed_total 2"));
}

#[tokio::test]
async fn an_assertion_is_no_session_token() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({"encrypt": false}))).await;
    let signed = assertion(&asks(&sas, &token, json!({})).await);
    // The claims of a session token behind the header of an assertion, and the reverse: neither is signed.
    let part = |jws: &str, index: usize| jws.split('.').nth(index).unwrap().to_owned();
    let mixed = |header: &str, rest: &str| [part(header, 0), part(rest, 1), part(rest, 2)].join(".");
    for presented in [&signed, &mixed(&signed, &token), &mixed(&token, &signed)] {
        assert_eq!(asks(&sas, presented, json!({})).await["reason"], "invalid_token");
        assert_eq!(sas.validates(&json!({"token": presented})).await.body()["reason"], "invalid_token");
        assert_eq!(sas.refresh(presented, json!({})).await["reason"], "invalid_token");
        let fields = json!({"accountSid": ACCOUNT, "token": presented});
        let answer = sas.answers_federated_auth(Request::post(REVOKE).json(&fields)).await;
        assert_eq!((answer.status, answer.body()), (200, json!({"revoked": false})));
    }
    assert_eq!(
        sas.validates(&json!({"token": token})).await.body()["authorized"],
        true,
        "nothing was revoked"
    );
}

#[tokio::test]
async fn malformed_requests_are_rejected() {
    let sas = Sas::with(|config| config.issuer = Some("https://chat.example.com/installation".into())).await;
    let token = sas.token(&generate_request(json!({}))).await;
    for wrong in [
        json!({}),
        json!({"audience": null}),
        json!({"audience": ""}),
        json!({"audience": "webchat"}),
        json!({"audience": "ScopedAuthService"}),
        json!({"audience": [AUDIENCE]}),
        json!({"audience": AUDIENCE, "conversation_sid": CONVERSATION}),
        json!({"audience": AUDIENCE, "conversationSid": "CH1"}),
        json!({"audience": AUDIENCE, "issuer": "https://chat.example.com"}),
        json!({"audience": "https://chat.example.com/installation"}),
        json!({"audience": "https://CHAT.example.com/installation/"}),
    ] {
        let answer = sas.validates(&json!({"token": token, "assertion": wrong})).await;
        assert_eq!((answer.status, answer.member("code").as_str()), (400, "invalid_request"), "{wrong}");
    }
    let mut both = refresh_request(&token, json!({}));
    both["assertion"] = json!({"audience": AUDIENCE});
    assert_eq!(sas.validates(&both).await.member("code"), "invalid_request");
    assertion(&asks(&sas, &token, json!({"assertion": {"audience": "https://chat.example.com"}})).await);
}

#[tokio::test]
async fn without_an_issuer_nothing_is_signed() {
    let sas = Sas::with(|config| config.issuer = None).await;
    let token = sas.token(&generate_request(json!({}))).await;
    let verdict = asks(&sas, &token, json!({})).await;
    assert_eq!((&verdict["authorized"], verdict.get("assertion")), (&true.into(), None));
    assert_eq!(asks(&sas, "none", json!({})).await["reason"], "invalid_token", "the token is judged first");
    assert!(sas.metrics().await.contains("assertions_signed_total 0"));
}

#[tokio::test]
async fn a_signing_key_is_published_before_it_signs_and_after() {
    const DAY: Duration = Duration::from_secs(86_400);
    let (sas, rng) = (Sas::start().await, SystemRandom::new());
    let token = sas.token(&generate_request(json!({}))).await;
    let kid_and_assertion = async || {
        let signed = assertion(&asks(&sas, &token, json!({})).await);
        let (header, _) = verified(&signed, &published(&sas).await).expect("every assertion is verifiable");
        (header["kid"].as_str().unwrap().to_owned(), signed)
    };
    let (first, before) = kid_and_assertion().await;

    let (file, now) = (&sas.keys_file, sas.clock.now());
    let next = KeyFile::change(file, &rng, now, |file| file.generate(Use::Signing, &rng, now)).unwrap();
    let kids = async || published(&sas).await["keys"].to_string();
    eventually(Duration::from_secs(30), "the next key is published", async || kids().await.contains(&next))
        .await;
    assert_eq!(kid_and_assertion().await.0, first, "it does not sign yet");

    let activate = |minutes| {
        let now = now + TimeDelta::minutes(minutes);
        KeyFile::change(file, &rng, now, |file| file.activate(&next, now, DAY, Force::WhenSafe))
    };
    let early = activate(14);
    assert!(matches!(early, Err(ChangeError::Rotation(RotationError::PublishedTooLate { .. }))), "{early:?}");
    activate(15).unwrap();
    eventually(Duration::from_secs(30), "the next key signs", async || kid_and_assertion().await.0 == next)
        .await;
    assert!(verified(&before, &published(&sas).await).is_some(), "the previous key is still published");
}
