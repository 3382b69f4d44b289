//! The released widget starts a chat in one request, and a returning guest gets the same identity for a proof by its
//! key.

use chrono::{DateTime, TimeDelta};

use crate::sequences::TestEnv;

const FILE: &str = "init.md";

#[tokio::test]
async fn new_guest() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let started = guest.begins_chat(None).await;
    assert_eq!(started.status, 201);
    env.equals(FILE, "A new guest");
    DateTime::parse_from_rfc3339(&started.text("expiration")).unwrap();
    let messages =
        guest.reads_messages(&started.text("token"), &started.text("conversation_sid"), None).await;
    assert_eq!(messages.body["messages"][0]["author"], "system");
    let refreshed = guest.refreshes_token(&started.text("token")).await;
    assert_eq!(refreshed.text("conversation_sid"), started.text("conversation_sid"));
}

#[tokio::test]
async fn returning_guest() {
    let env = TestEnv::new().await;
    let guest = env.guest_on().with_proof_key(&env.plan.clock);
    let before = guest.begins_chat(None).await;
    env.recorder.take();
    // With the nonce of the first response.
    let again = guest.begins_chat(Some(&before.text("identity"))).await;
    env.equals(FILE, "A guest who was here before");
    assert_eq!(again.text("identity"), before.text("identity"));
    assert_ne!(again.text("conversation_sid"), before.text("conversation_sid"), "a new session");
    // The guest reads the earlier messages.
    let read = guest.reads_messages(&again.text("token"), &before.text("conversation_sid"), None).await;
    assert_eq!(read.status, 200);
}

#[tokio::test]
async fn proof_without_a_current_nonce() {
    let env = TestEnv::new().await;
    let guest = env.guest_on().with_proof_key(&env.plan.clock);
    let identity = guest.begins_chat(None).await.text("identity");
    let key = guest.proof_key.clone().unwrap();
    let url = format!("{}/v2/Webchat/Init", guest.url);
    env.recorder.take();
    let bare = guest.clone().without_proof_key().with("dpop", &key.proof("POST", &url, None, None));
    let refused = bare.begins_chat_once(Some(&identity)).await;
    env.equals(FILE, "The proof has no current nonce");
    assert_eq!((refused.status, refused.code()), (401, "use_dpop_nonce"));
    assert_eq!(refused.header("www-authenticate"), r#"DPoP error="use_dpop_nonce", algs="ES256""#);
    let nonce = refused.header("dpop-nonce").to_owned();
    assert!(refused.header("access-control-expose-headers").contains("dpop-nonce"));
    // The nonce of the error response is valid for five minutes.
    let with = |nonce: &str| bare.clone().with("dpop", &key.proof("POST", &url, None, Some(nonce)));
    let granted = with(&nonce).begins_chat_once(Some(&identity)).await;
    assert_eq!((granted.status, granted.text("identity")), (201, identity.clone()));
    env.plan.clock.advance(TimeDelta::minutes(6));
    assert_eq!(with(&nonce).begins_chat_once(Some(&identity)).await.code(), "use_dpop_nonce");
    // Where no identity is requested, a nonce is optional.
    assert_eq!(with("a foreign nonce").begins_chat_once(None).await.status, 201);
}
