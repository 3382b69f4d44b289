//! Revocation of a session by its guest and by operators.

use chrono::TimeDelta;
use local_stack::{Answer, Guest};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::sequences::TestEnv;

const FILE: &str = "revoke-token.md";

#[tokio::test]
async fn guest_revokes_the_session() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    env.recorder.take();
    let ended = guest.ends_session(&token).await;
    assert_eq!((ended.status, &ended.body), (200, &json!({})));
    env.equals(FILE, "The guest ends the chat");
    let refused = guest.refreshes_token(&token).await;
    assert_eq!((refused.status, refused.code()), (401, "revoked_token"));
    env.equals(FILE, "The token of an ended session is presented");
    assert_eq!(guest.opens_conversation(&token).await.code(), "revoked_token");
    assert_eq!(guest.ends_session(&token).await.status, 200, "revoking twice succeeds");
}

#[tokio::test]
async fn revoke_by_others_has_no_effect_and_is_no_success() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    let elsewhere = env.guest_off();
    env.recorder.take();
    let refused = guest.thief_with_firefox().ends_session(&token).await;
    assert_eq!((refused.status, refused.code()), (403, "fingerprint_invalid"));
    env.equals(FILE, "Another browser");
    let answer = guest.ends_session("not a token").await;
    assert_eq!((answer.status, &answer.body), (200, &json!({})));
    env.equals(FILE, "No token at all");
    assert_eq!(elsewhere.ends_session(&token).await.status, 200, "another account's");
    assert_eq!(guest.refreshes_token(&token).await.status, 200, "the session continues");
}

#[tokio::test]
async fn an_expired_token_can_revoke_its_session() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    env.plan.clock.advance(TimeDelta::hours(7));
    assert_eq!(guest.ends_session(&token).await.status, 200);
    assert_eq!(guest.refreshes_token(&token).await.code(), "revoked_token", "and is not resumed");
}

pub(super) async fn operator(env: &TestEnv, secret: &str, body: Value) -> Answer {
    let url = format!("http://{}", env.stack.scoped_auth.admin_address);
    let guest = Guest::with_chrome(&url, "");
    guest.sends(guest.client().post(format!("{url}/v1/Revocations")).bearer_auth(secret).json(&body)).await
}

#[tokio::test]
async fn an_operator_revokes_earlier_sessions_of_a_subject() {
    let env = TestEnv::new().await;
    let secret = env.stack.operator_secret.expose_secret().to_owned();
    let guest = env.guest_on();
    let account = "AC00000000000000000000000000000001";
    let created = guest.creates_token().await;
    for body in [
        json!({"accountSid": account, "identity": created.text("identity")}),
        json!({"deploymentKey": guest.deployment_key}),
        json!({"accountSid": account}),
        json!({"token": created.text("token")}),
    ] {
        let before = guest.creates_token().await;
        let other = env.guest_off().creates_token().await.text("token");
        let body = if body["identity"].is_string() {
            json!({"accountSid": account, "identity": before.text("identity")})
        } else if body["token"].is_string() {
            json!({"token": before.text("token")})
        } else {
            body
        };
        let answer = operator(&env, &secret, body.clone()).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.body);
        assert_eq!(guest.refreshes_token(&before.text("token")).await.code(), "revoked_token", "{body}");
        assert_eq!(
            env.guest_off().refreshes_token(&other).await.status,
            200,
            "another account's session continues"
        );
        // A token's id distinguishes milliseconds.
        env.plan.clock.advance(TimeDelta::milliseconds(1));
        let after = guest.creates_token().await.text("token");
        assert_eq!(guest.refreshes_token(&after).await.status, 200, "tokens issued later are valid");
    }
}

#[tokio::test]
async fn operator_routes_require_the_operator_credential() {
    let env = TestEnv::new().await;
    let body = json!({"accountSid": "AC00000000000000000000000000000001"});
    for secret in ["", "guess-guess-guess-guess", env.stack.federated_auth_secret.expose_secret()] {
        let refused = operator(&env, secret, body.clone()).await;
        assert_eq!((refused.status, refused.code()), (401, "invalid_service_credential"));
    }
    let secret = env.stack.operator_secret.expose_secret();
    for body in
        [json!({}), json!({"identity": "00000000-0000-4000-8000-000000000000"}), json!({"token": "x"})]
    {
        let refused = operator(&env, secret, body).await;
        assert_eq!((refused.status, refused.code()), (400, "invalid_request"));
    }
}
