//! An attacker at public routes presents an assertion as a token, a token as an assertion, and an assertion to another
//! service (`docs/threat-model.md`).

use chrono::TimeDelta;
use local_stack::demo;
use serde_json::json;

use super::assertion::{AUDIENCE, asks, is_rejected};
use crate::sequences::TestEnv;

#[tokio::test]
async fn an_assertion_is_no_session_token_on_any_route() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
    let signed = asks(&guest, &token).await.text("assertion");
    let thieves = [guest.clone(), guest.clone().with_proof_key(&env.plan.clock), env.guest_off()];
    for thief in thieves {
        // With the token's `kid`, so that the request gets as far as ScopedAuthService.
        let header = token.split('.').next().unwrap();
        let disguised = format!("{header}.{}", signed.split_once('.').unwrap().1);
        for presented in [&signed, &disguised] {
            for answer in [
                thief.refreshes_token(presented).await,
                thief.opens_conversation(presented).await,
                thief.reads_messages(presented, &conversation, None).await,
                thief.says(presented, &conversation, "it is me").await,
                asks(&thief, presented).await,
            ] {
                is_rejected(&answer, 401, "invalid_token");
            }
            let ended = thief.ends_session(presented).await;
            assert_eq!((ended.status, ended.body), (200, json!({})), "as for anything that is no token");
        }
    }
    assert_eq!(guest.refreshes_token(&token).await.status, 200, "the session continues");
}

#[tokio::test]
async fn only_an_assertion_of_this_guest_account_and_audience_is_accepted() {
    let env = TestEnv::with(|plan| {
        std::fs::create_dir_all(&plan.data).unwrap();
        let both = demo::ACCOUNTS
            .replace(
                "webchat_security = false",
                &format!("webchat_security = false\nassertion_audiences = [\"{AUDIENCE}\"]"),
            )
            .replace(
                &format!("[\"{AUDIENCE}\"]"),
                &format!("[\"{AUDIENCE}\", \"https://orders.example.com\"]"),
            );
        std::fs::write(plan.accounts_file(), both).unwrap();
    })
    .await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    let signed = asks(&guest, &token).await.text("assertion");
    let verifier = env.verifier().await;
    assert!(verifier.claims(&signed).is_some());

    let off = env.guest_off();
    let others_token = off.creates_token().await.text("token");
    let of_another_account = asks(&off, &others_token).await.text("assertion");
    let for_another = guest.asks_for_assertion(&token, "https://orders.example.com").await.text("assertion");
    for presented in [&token, &of_another_account, &for_another] {
        assert_eq!(verifier.claims(presented), None);
    }
    let elsewhere = TestEnv::new().await;
    assert_eq!(elsewhere.verifier().await.claims(&signed), None, "another installation's keys");
    // Every character counts.
    for place in 0..signed.len() {
        let mut altered = signed.clone().into_bytes();
        altered[place] = if altered[place] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        // The last character of a part has bits that are not used.
        let is_last = signed[place..].len() == 1 || signed[place + 1..].starts_with('.');
        assert!(is_last || verifier.claims(&altered).is_none(), "{place}");
    }
    let fresh = asks(&guest, &token).await.text("assertion");
    env.plan.clock.advance(TimeDelta::seconds(50));
    assert!(verifier.claims(&fresh).is_some());
    env.plan.clock.advance(TimeDelta::seconds(10));
    assert_eq!(verifier.claims(&fresh), None, "expired");
}
