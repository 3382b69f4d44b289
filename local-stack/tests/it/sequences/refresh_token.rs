//! The refresh diagrams.

use chrono::TimeDelta;

use crate::sequences::{TestEnv, is_reloaded};

const FILE: &str = "refresh-token.md";

test_support::on_both_engines! { TestEnv: feature_off }

async fn feature_off(env: TestEnv) {
    let guest = env.guest_off();
    let created = guest.creates_token().await;
    env.recorder.take();
    let refreshed = guest.refreshes_token(&created.text("token")).await;
    assert_eq!(refreshed.text("identity"), created.text("identity"));
    assert_ne!(refreshed.text("token"), created.text("token"));
    env.equals(FILE, "The feature is off");
}

#[tokio::test]
async fn feature_on() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let created = guest.creates_token().await;
    let opened = guest.opens_conversation(&created.text("token")).await;
    env.recorder.take();
    let refreshed = guest.refreshes_token(&created.text("token")).await;
    assert_eq!(refreshed.text("identity"), created.text("identity"));
    assert_eq!(refreshed.text("conversation_sid"), opened.text("conversation_sid"), "the session continues");
    env.equals(FILE, "The feature is on and the session has a conversation");
}

#[tokio::test]
async fn fingerprint_of_another_browser() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    let other_page = guest.clone().with("origin", "https://evil.example");
    let other_session = guest.clone().with("x-twilio-sec-webchatinfo", r#"{"loginTimestamp":"1"}"#);
    for thief in [guest.thief_with_firefox(), other_page, other_session] {
        env.recorder.take();
        let refused = thief.refreshes_token(&token).await;
        assert_eq!((refused.status, refused.code()), (403, "fingerprint_invalid"));
        env.equals(FILE, "The token is valid and the fingerprint is not");
    }
    assert_eq!(
        guest.refreshes_token(&token).await.status,
        200,
        "the guest is not thrown out by a thief's attempt"
    );
}

#[tokio::test]
async fn invalid_token() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    let of_another_account = env.guest_off().creates_token().await.text("token");
    let of_another_key = TestEnv::new().await.guest_on().creates_token().await.text("token");
    let mut tampered = token.clone();
    tampered.replace_range(tampered.len() - 1.., if token.ends_with('A') { "B" } else { "A" });
    for bad in ["not a token", tampered.as_str(), of_another_key.as_str()] {
        env.recorder.take();
        let refused = guest.refreshes_token(bad).await;
        assert_eq!((refused.status, refused.code()), (401, "invalid_token"));
        env.equals(FILE, "The token is not valid");
    }
    let refused = guest.refreshes_token(&of_another_account).await;
    assert_eq!((refused.status, refused.code()), (401, "invalid_token"));
    assert!(refused.header("www-authenticate").starts_with("Bearer "));
}

#[tokio::test]
async fn expired_or_premature_token() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    env.recorder.take();
    env.plan.clock.advance(TimeDelta::hours(-1));
    let refused = guest.refreshes_token(&token).await;
    assert_eq!((refused.status, refused.code()), (401, "invalid_token"), "not yet valid");
    env.recorder.take();
    env.plan.clock.advance(TimeDelta::hours(7));
    let unbound = env.guest_off();
    let token = unbound.creates_token().await.text("token");
    env.plan.clock.advance(TimeDelta::hours(6));
    env.recorder.take();
    let refused = unbound.refreshes_token(&token).await;
    assert_eq!((refused.status, refused.code()), (401, "expired_token"));
    env.equals(FILE, "The token has expired and the feature is off");
}

#[tokio::test]
async fn session_lifetime_is_not_extended_by_refreshes() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let created = guest.creates_token().await;
    let mut token = created.text("token");
    for _ in 0..5 {
        env.plan.clock.advance(TimeDelta::hours(4) + TimeDelta::minutes(30));
        let refreshed = guest.refreshes_token(&token).await;
        assert_eq!(refreshed.text("identity"), created.text("identity"));
        token = refreshed.text("token");
    }
    env.plan.clock.advance(TimeDelta::hours(1) + TimeDelta::minutes(30));
    env.recorder.take();
    let refused = guest.refreshes_token(&token).await;
    assert_eq!((refused.status, refused.code()), (401, "session_expired"));
    env.equals(FILE, "The session has ended");
}

#[tokio::test]
async fn feature_toggled_during_a_session() {
    let env = TestEnv::new().await;
    let mut reloads = env.stack.accounts.reloads();
    let accounts = std::fs::read_to_string(env.plan.accounts_file()).unwrap();
    let guest = env.guest_off();
    let unbound = guest.creates_token().await.text("token");

    let on = accounts.replace("webchat_security = false", "webchat_security = true");
    std::fs::write(env.plan.accounts_file(), on).unwrap();
    is_reloaded(&mut reloads).await;
    let refused = guest.opens_conversation(&unbound).await;
    assert_eq!(
        (refused.status, refused.code()),
        (403, "fingerprint_invalid"),
        "unbound, it is good for a refresh only"
    );
    let bound = guest.refreshes_token(&unbound).await.text("token");
    assert_eq!(guest.thief_with_firefox().refreshes_token(&bound).await.code(), "fingerprint_invalid");
    assert_eq!(guest.opens_conversation(&bound).await.status, 201);

    reloads.borrow_and_update();
    std::fs::write(env.plan.accounts_file(), &accounts).unwrap();
    is_reloaded(&mut reloads).await;
    let alone = guest.thief_with_firefox().refreshes_token(&bound).await;
    assert_eq!(alone.status, 200, "with the feature off only the token is checked");
}
