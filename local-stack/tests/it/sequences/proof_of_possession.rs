//! Proof of possession: a session that is bound to a key of the browser.

use chrono::TimeDelta;
use local_stack::Guest;
use serde_json::json;

use crate::sequences::TestEnv;

const FILE: &str = "proof-of-possession.md";

fn guest_with_key(env: &TestEnv) -> Guest {
    env.guest_on().with_proof_key(&env.plan.clock)
}

#[tokio::test]
async fn a_bound_session_requires_its_key() {
    let env = TestEnv::new().await;
    let guest = guest_with_key(&env);
    let created = guest.creates_token().await;
    assert_eq!(created.status, 200);
    env.equals(FILE, "A session is bound to a key");
    let refreshed = guest.refreshes_token(&created.text("token")).await;
    assert_eq!(refreshed.text("identity"), created.text("identity"));
    env.equals(FILE, "The key refreshes its token");
    let token = refreshed.text("token");
    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
    assert_eq!(guest.says(&token, &conversation, "it is me").await.status, 201);
    assert_eq!(guest.reads_messages(&token, &conversation, Some(0)).await.status, 200);
    assert_eq!(guest.ends_session(&token).await.status, 200);
    assert_eq!(guest.refreshes_token(&token).await.code(), "revoked_token");
}

#[tokio::test]
async fn stolen_token_and_headers_fail_without_the_key() {
    let env = TestEnv::new().await;
    let guest = guest_with_key(&env);
    let token = guest.creates_token().await.text("token");
    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
    let without = guest.clone().without_proof_key();
    let with_another = guest.clone().with_proof_key(&env.plan.clock);
    for (thief, heading) in [
        (without, "The token is presented without a proof"),
        (with_another, "The token is presented with a proof by another key"),
    ] {
        env.recorder.take();
        let refused = thief.refreshes_token(&token).await;
        assert_eq!((refused.status, refused.code()), (401, "invalid_dpop_proof"));
        assert_eq!(refused.header("www-authenticate"), r#"DPoP error="invalid_dpop_proof", algs="ES256""#);
        env.equals(FILE, heading);
        assert_eq!(thief.reads_messages(&token, &conversation, None).await.code(), "invalid_dpop_proof");
        assert_eq!(thief.says(&token, &conversation, "it is me").await.code(), "invalid_dpop_proof");
        assert_eq!(thief.ends_session(&token).await.code(), "invalid_dpop_proof");
    }
    assert_eq!(guest.refreshes_token(&token).await.status, 200, "the guest's session continues");
}

#[tokio::test]
async fn invalid_proof() {
    let env = TestEnv::new().await;
    let guest = guest_with_key(&env);
    let token = guest.creates_token().await.text("token");
    let key = guest.proof_key.clone().unwrap();
    let url = format!("{}/v2/Webchat/Token/Refresh", guest.url);
    let seen = key.proof("POST", &url, Some(&token), None);
    let bare = guest.clone().without_proof_key();
    assert_eq!(bare.clone().with("dpop", &seen).refreshes_token(&token).await.status, 200);
    env.plan.clock.advance(TimeDelta::seconds(-120));
    let of_before = key.proof("POST", &url, Some(&token), None);
    env.plan.clock.advance(TimeDelta::seconds(120));
    for proof in [
        seen,
        of_before,
        key.proof("GET", &url, Some(&token), None),
        key.proof("POST", &format!("{}/v2/Webchat/Token", guest.url), Some(&token), None),
        key.proof("POST", "https://evil.example/v2/Webchat/Token/Refresh", Some(&token), None),
        key.proof("POST", &url, Some("another token"), None),
        key.proof("POST", &url, None, None),
        "not a proof".to_owned(),
    ] {
        env.recorder.take();
        let refused = bare.clone().with("dpop", &proof).refreshes_token(&token).await;
        assert_eq!((refused.status, refused.code()), (401, "invalid_dpop_proof"));
        env.equals(FILE, "The proof itself is no good");
    }
}

#[tokio::test]
async fn a_key_holder_resumes_after_token_expiry() {
    let env = TestEnv::new().await;
    let guest = guest_with_key(&env);
    let created = guest.creates_token().await;
    env.plan.clock.advance(TimeDelta::hours(10));
    let without = guest.clone().without_proof_key();
    assert_eq!(without.refreshes_token(&created.text("token")).await.code(), "invalid_dpop_proof");
    assert_eq!(
        guest.refreshes_token(&created.text("token")).await.text("identity"),
        created.text("identity")
    );
}

#[tokio::test]
async fn dpop_authorization_scheme_is_accepted() {
    let env = TestEnv::new().await;
    let guest = guest_with_key(&env);
    let token = guest.creates_token().await.text("token");
    let request = guest.client().post(format!("{}/v2/WebChannels", guest.url)).json(&json!({}));
    let opened = guest.presents(Some(&token), request.header("authorization", format!("DPoP {token}"))).await;
    assert_eq!(opened.status, 201);
}
