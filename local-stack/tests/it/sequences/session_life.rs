//! The life of a session: one successor per token, and sessions that outlive their tokens.

use chrono::TimeDelta;
use tokio::task::JoinSet;

use crate::sequences::TestEnv;

const FILE: &str = "session-life.md";

#[tokio::test]
async fn refresh_response_lost() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let first = guest.creates_token().await;
    let lost = guest.refreshes_token(&first.text("token")).await;
    env.plan.clock.advance(TimeDelta::seconds(45));
    env.recorder.take();
    let again = guest.refreshes_token(&first.text("token")).await;
    assert_eq!(
        (again.status, again.text("identity")),
        (200, first.text("identity")),
        "the other tab stays logged in"
    );
    assert_eq!(again.text("expiration"), lost.text("expiration"), "the same successor is reissued");
    env.equals(FILE, "The answer was lost, or another tab refreshed at the same time");
    for token in [lost.text("token"), again.text("token")] {
        assert_eq!(guest.refreshes_token(&token).await.status, 200, "both are the same token");
    }
}

#[tokio::test]
async fn refresh_response_lost_beyond_the_grace_period() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let first = guest.creates_token().await;
    guest.refreshes_token(&first.text("token")).await;
    env.plan.clock.advance(TimeDelta::hours(5));
    env.recorder.take();
    let again = guest.refreshes_token(&first.text("token")).await;
    env.equals(FILE, "The answer was lost for longer than the grace");
    assert_eq!((again.status, again.text("identity")), (200, first.text("identity")));
    assert_eq!(again.body["expires_in"], 6 * 3600, "from now");
    assert_eq!(guest.opens_conversation(&again.text("token")).await.status, 201);
    assert_eq!(guest.refreshes_token(&again.text("token")).await.status, 200);
}

#[tokio::test]
async fn long_replaced_token() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let first = guest.creates_token().await.text("token");
    let second = guest.refreshes_token(&first).await.text("token");
    let third = guest.refreshes_token(&second).await.text("token");
    env.recorder.take();
    let reused = guest.refreshes_token(&first).await;
    assert_eq!((reused.status, reused.code()), (401, "revoked_token"));
    env.equals(FILE, "A token is presented that has long been replaced");
    for token in [&second, &third] {
        assert_eq!(guest.refreshes_token(token).await.code(), "revoked_token", "the whole session has ended");
    }
    assert_eq!(guest.opens_conversation(&third).await.code(), "revoked_token");
    assert_eq!(guest.creates_token().await.status, 200, "and the guest starts a new one");
}

#[tokio::test]
async fn previous_token_after_its_successor_was_used() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let first = guest.creates_token().await.text("token");
    let second = guest.refreshes_token(&first).await.text("token");
    let third = guest.refreshes_token(&second).await.text("token");
    assert_eq!(guest.opens_conversation(&third).await.status, 201);
    env.until_shown().await;
    env.plan.clock.advance(TimeDelta::seconds(61));
    assert_eq!(guest.refreshes_token(&second).await.code(), "revoked_token");
    assert_eq!(guest.refreshes_token(&third).await.code(), "revoked_token");
}

#[tokio::test]
async fn laptop_sleeps_past_token_expiry() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let created = guest.creates_token().await;
    let token = created.text("token");
    env.plan.clock.advance(TimeDelta::hours(10));
    assert_eq!(
        guest.opens_conversation(&token).await.code(),
        "expired_token",
        "it is good for a refresh only"
    );
    let thief = guest.thief_with_firefox().refreshes_token(&token).await;
    assert_eq!(thief.code(), "fingerprint_invalid");
    env.recorder.take();
    let resumed = guest.refreshes_token(&token).await;
    assert_eq!((resumed.status, resumed.text("identity")), (200, created.text("identity")));
    env.equals(FILE, "The laptop slept past the end of the token");
    assert_eq!(guest.opens_conversation(&resumed.text("token")).await.status, 201);
    env.plan.clock.advance(TimeDelta::hours(14));
    assert_eq!(guest.refreshes_token(&resumed.text("token")).await.code(), "session_expired");
}

#[tokio::test]
async fn resume_fails_after_the_window_or_with_the_feature_off() {
    let env = TestEnv::with(|plan| plan.rules.resume_window = std::time::Duration::from_secs(3600)).await;
    let (on, off) = (env.guest_on(), env.guest_off());
    let (bound, unbound) = (on.creates_token().await.text("token"), off.creates_token().await.text("token"));
    env.plan.clock.advance(TimeDelta::minutes(6 * 60 + 59));
    assert_eq!(off.refreshes_token(&unbound).await.code(), "expired_token");
    let resumed = on.refreshes_token(&bound).await;
    assert_eq!(resumed.status, 200);
    env.plan.clock.advance(TimeDelta::minutes(7 * 60));
    assert_eq!(on.refreshes_token(&resumed.text("token")).await.code(), "expired_token");
}

#[tokio::test]
async fn responses_say_when_to_refresh() {
    let env = TestEnv::new().await;
    let created = env.guest_on().creates_token().await;
    let refreshed = env.guest_on().refreshes_token(&created.text("token")).await;
    for answer in [&created, &refreshed] {
        assert_eq!(answer.body["expires_in"], 6 * 3600);
        let after = answer.body["refresh_after"].as_u64().unwrap();
        assert!((6 * 3600 * 7 / 10..=6 * 3600 * 9 / 10).contains(&after));
    }
    assert_eq!(
        created.body["refresh_after"], refreshed.body["refresh_after"],
        "the same all through a session"
    );
}

#[tokio::test]
async fn concurrent_refreshes_of_many_tabs_share_one_generation() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let first = guest.creates_token().await;
    let mut tabs = JoinSet::new();
    // As many calls of one visitor as Starship lets through at a time.
    for _ in 0..32 {
        let (tab, token) = (guest.clone(), first.text("token"));
        tabs.spawn(async move { tab.refreshes_token(&token).await });
    }
    let answers = tabs.join_all().await;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 200 && answer.text("identity") == first.text("identity"))
    );
    // All belong to one generation: the next token is the same for all of them.
    for answer in answers.iter().take(4) {
        assert_eq!(guest.refreshes_token(&answer.text("token")).await.status, 200);
    }
    assert_eq!(
        guest.refreshes_token(&first.text("token")).await.code(),
        "revoked_token",
        "two generations old"
    );
}
