//! Maps ScopedAuthService's `authorized:false` to the errors of the contract, section 6; the same for refresh and
//! validate.

use chrono::TimeDelta;

use crate::api::{ACCOUNT, Fas, OTHER_ACCOUNT};

/// Both routes that validate a token return the same error.
async fn is_refused(fas: &Fas, account: &str, token: &str, status: u16, code: &str) {
    for answer in [fas.refreshes_token(account, token).await, fas.validates_token(account, token).await] {
        answer.is_refusal(status, code);
        answer.does_not_repeat(token);
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, r#"Bearer realm="webchat", error="invalid_token""#);
    }
}

#[tokio::test]
async fn foreign_tokens_are_invalid() {
    let fas = Fas::start().await;
    let of_another_key = Fas::start().await.creates_token(ACCOUNT).await.member("token");
    let token = fas.creates_token(ACCOUNT).await.member("token");
    let tampered = token.replacen("..", "..A", 1);
    for bad in ["hunter2", "a.b.c", "a..b.c.d", &of_another_key, &tampered] {
        is_refused(&fas, ACCOUNT, bad, 401, "invalid_token").await;
    }
}

#[tokio::test]
async fn expired_and_premature_tokens_have_their_own_codes() {
    let fas = Fas::start().await;
    let token = fas.creates_token(ACCOUNT).await.member("token");
    fas.clock.advance(TimeDelta::hours(-1));
    is_refused(&fas, ACCOUNT, &token, 401, "invalid_token").await;
    fas.clock.advance(TimeDelta::hours(3));
    is_refused(&fas, ACCOUNT, &token, 401, "expired_token").await;
    fas.clock.advance(TimeDelta::hours(22));
    is_refused(&fas, ACCOUNT, &token, 401, "session_expired").await;
}

#[tokio::test]
async fn tokens_of_another_account_are_invalid_before_any_other_verdict() {
    let fas = Fas::start().await;
    let token = fas.creates_token(ACCOUNT).await.member("token");
    is_refused(&fas, OTHER_ACCOUNT, &token, 401, "invalid_token").await;
    fas.clock.advance(TimeDelta::hours(2));
    is_refused(&fas, OTHER_ACCOUNT, &token, 401, "invalid_token").await;
    is_refused(&fas, ACCOUNT, &token, 401, "expired_token").await;
}

#[tokio::test]
async fn refreshing_does_not_extend_the_session_lifetime() {
    let fas = Fas::start().await;
    let mut token = fas.creates_token(ACCOUNT).await.member("token");
    for _ in 0..23 {
        fas.clock.advance(TimeDelta::minutes(59));
        token = fas.refreshes_token(ACCOUNT, &token).await.member("token");
    }
    fas.clock.advance(TimeDelta::hours(2));
    is_refused(&fas, ACCOUNT, &token, 401, "session_expired").await;
}
