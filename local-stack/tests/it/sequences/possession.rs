//! Attacks on identities and sessions through public routes only, with the knowledge that the documents give
//! (`docs/threat-model.md`).

use std::time::Duration;

use chrono::TimeDelta;
use local_stack::Guest;
use serde_json::json;
use service_runtime::random::Random;
use shared_types::SealedToken;
use store::DatabaseConfig;
use token::{claims::Claims, key_file::KeyFile, key_ring::KeyRing};

use super::postgres::Cluster;
use crate::sequences::{TestEnv, is_reloaded};

impl TestEnv {
    fn guest_with_key(&self) -> Guest {
        self.guest_on().with_proof_key(&self.plan.clock)
    }

    /// The claims of a token, which only this test can read.
    fn claims(&self, token: &str) -> Claims {
        let keys = KeyFile::load(&self.plan.keys_file()).unwrap();
        let ring = KeyRing::new(keys, Random::default().source()).unwrap();
        ring.open(&SealedToken::new(token.to_owned()).unwrap()).unwrap()
    }

    /// `POST /v1/Revocations`, by an operator.
    async fn operator_revokes(&self, fields: &serde_json::Value) {
        use secrecy::ExposeSecret as _;
        let url = format!("http://{}/v1/Revocations", self.stack.scoped_auth.admin_address);
        let secret = self.stack.operator_secret.expose_secret();
        let call = self.guest_off().client().post(url).bearer_auth(secret).json(fields).send().await;
        assert_eq!(call.unwrap().status(), 200);
    }
}

/// The headers that a stranger would try for a victim with Chrome on Windows: family and system right, the rest
/// guessed.
fn guesses(guest: &Guest) -> Vec<Guest> {
    let agent = guest.headers["user-agent"].clone();
    let mut guesses = vec![guest.clone()];
    for major in ["146", "145", "147"] {
        let agent = agent.replace("Chrome/146", &format!("Chrome/{major}"));
        let blank = guest.clone().with("user-agent", &agent).without("x-twilio-sec-usersettings");
        let blank = blank.without("x-twilio-sec-decoders").without("accept-language");
        guesses.push(blank.clone().without("sec-ch-ua"));
        guesses.push(blank.without("x-twilio-sec-webchatinfo"));
    }
    guesses
}

#[tokio::test]
async fn guessing_an_identity_does_not_grant_it() {
    for victim_has_key in [false, true] {
        let env = TestEnv::new().await;
        let victim = if victim_has_key { env.guest_with_key() } else { env.guest_on() };
        let started = victim.begins_chat(None).await;
        for stranger in guesses(&victim.without_proof_key()) {
            for stranger in [stranger.clone(), stranger.with_proof_key(&env.plan.clock)] {
                let taken = stranger.begins_chat(Some(&started.text("identity"))).await;
                assert_eq!(taken.status, 201, "silently");
                assert_ne!(taken.text("identity"), started.text("identity"));
                let (token, conversation) = (taken.text("token"), started.text("conversation_sid"));
                assert_eq!(stranger.reads_messages(&token, &conversation, None).await.status, 404);
            }
        }
    }
}

#[tokio::test]
async fn copied_storage_does_not_bypass_the_proof_key() {
    let env = TestEnv::new().await;
    let victim = env.guest_with_key();
    let started = victim.begins_chat(None).await;
    let (token, identity) = (started.text("token"), started.text("identity"));
    let thief = victim.clone().without_proof_key();
    assert_eq!(thief.refreshes_token(&token).await.code(), "invalid_dpop_proof");
    for thief in [thief.clone(), thief.with_proof_key(&env.plan.clock)] {
        assert_ne!(thief.begins_chat(Some(&identity)).await.text("identity"), identity);
        // A new session of the thief has no proof by the victim's key either.
        let own = thief.creates_token().await.text("token");
        let read = thief.reads_messages(&own, &started.text("conversation_sid"), None).await;
        assert_eq!(read.status, 404);
    }
    assert_eq!(victim.refreshes_token(&token).await.status, 200, "the guest's session continues");
    assert_eq!(victim.begins_chat(Some(&identity)).await.text("identity"), identity);
}

#[tokio::test]
async fn an_identity_is_scoped_to_its_account_and_deployment() {
    let env = TestEnv::new().await;
    let guest = env.guest_with_key();
    let identity = guest.begins_chat(None).await.text("identity");
    for deployment in [local_stack::demo::DEPLOYMENT_PAGE, local_stack::demo::DEPLOYMENT_OFF] {
        let mut elsewhere = guest.clone().with("origin", "http://127.0.0.1:8090");
        deployment.clone_into(&mut elsewhere.deployment_key);
        assert_ne!(elsewhere.begins_chat(Some(&identity)).await.text("identity"), identity, "{deployment}");
    }
    // A session that never opened a conversation leaves no identity.
    let silent = guest.creates_token().await.text("identity");
    assert_ne!(guest.begins_chat(Some(&silent)).await.text("identity"), silent);
}

#[tokio::test]
async fn an_identity_is_granted_with_the_feature_off() {
    let env = TestEnv::new().await;
    let guest = env.guest_off().with_proof_key(&env.plan.clock);
    let identity = guest.begins_chat(None).await.text("identity");
    assert_eq!(guest.begins_chat(Some(&identity)).await.text("identity"), identity);
    let unbound = env.guest_off();
    let left = unbound.begins_chat(None).await.text("identity");
    assert_ne!(unbound.begins_chat(Some(&left)).await.text("identity"), left, "it is not granted again");
}

#[tokio::test]
async fn revoked_sessions_grant_no_identity() {
    let env = TestEnv::new().await;
    // Revoked by the guest.
    let guest = env.guest_with_key();
    let started = guest.begins_chat(None).await;
    let identity = started.text("identity");
    assert_eq!(guest.ends_session(&started.text("token")).await.status, 200);
    assert_ne!(guest.begins_chat(Some(&identity)).await.text("identity"), identity);
    // Revoked by an operator by identity, session, deployment or account.
    for subject in ["identity", "token", "deployment", "account"] {
        let guest = env.guest_with_key();
        let started = guest.begins_chat(None).await;
        let identity = started.text("identity");
        let account = "AC00000000000000000000000000000001";
        env.operator_revokes(&match subject {
            "identity" => json!({"accountSid": account, "identity": identity}),
            "token" => json!({"token": started.text("token")}),
            "deployment" => json!({"deploymentKey": guest.deployment_key}),
            _ => json!({"accountSid": account}),
        })
        .await;
        // A session that starts in the same millisecond as the revocation is revoked, too.
        env.plan.clock.advance(TimeDelta::seconds(1));
        let again = guest.begins_chat(Some(&identity)).await;
        assert_eq!(again.status, 201, "silently");
        assert_ne!(again.text("identity"), identity, "{subject}");
        let read = guest.reads_messages(&again.text("token"), &started.text("conversation_sid"), None).await;
        assert_eq!(read.status, 404, "{subject}");
        env.plan.clock.advance(TimeDelta::hours(2));
    }
}

#[tokio::test]
async fn sessions_revoked_for_reuse_grant_no_identity() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let started = guest.begins_chat(None).await;
    let second = guest.refreshes_token(&started.text("token")).await.text("token");
    guest.refreshes_token(&second).await;
    assert_eq!(guest.refreshes_token(&started.text("token")).await.code(), "revoked_token");
    let identity = started.text("identity");
    for again in [guest.clone(), guest.with_proof_key(&env.plan.clock)] {
        assert_ne!(again.begins_chat(Some(&identity)).await.text("identity"), identity);
    }
}

#[tokio::test]
async fn an_identity_outlives_its_session_for_a_limited_time_and_only_for_the_key_holder() {
    let env =
        TestEnv::with(|plan| plan.rules.revocation_retention = Duration::from_secs(7 * 24 * 3600)).await;
    let guest = env.guest_with_key();
    let started = guest.begins_chat(None).await;
    let identity = started.text("identity");
    env.plan.clock.advance(TimeDelta::hours(25));
    assert_eq!(guest.refreshes_token(&started.text("token")).await.code(), "session_expired");
    let thief = guest.clone().without_proof_key();
    assert_ne!(thief.begins_chat(Some(&identity)).await.text("identity"), identity);
    assert_eq!(guest.begins_chat(Some(&identity)).await.text("identity"), identity);
    // Beyond the retention of revocations: it is unknown whether the session was revoked.
    env.plan.clock.advance(TimeDelta::days(8));
    assert_ne!(guest.begins_chat(Some(&identity)).await.text("identity"), identity);
}

#[tokio::test]
async fn identity_requests_are_ignored_after_five_rejections() {
    let env = TestEnv::new().await;
    let guest = env.guest_with_key();
    let identity = guest.begins_chat(None).await.text("identity");
    let stranger = env.guest_with_key();
    for _ in 0..5 {
        assert_ne!(stranger.begins_chat(Some(&identity)).await.text("identity"), identity);
    }
    // The guest has the same address here. Nothing counts against the identity: it is granted an hour later.
    assert_ne!(guest.begins_chat(Some(&identity)).await.text("identity"), identity);
    env.plan.clock.advance(TimeDelta::minutes(61));
    assert_eq!(guest.begins_chat(Some(&identity)).await.text("identity"), identity);
}

#[tokio::test]
async fn the_grace_period_does_not_fork_a_session() {
    // Long enough for fifty requests on a busy machine.
    let env = TestEnv::with(|plan| plan.rules.grace = Duration::from_secs(3600)).await;
    let guest = env.guest_on();
    let first = guest.creates_token().await.text("token");
    let own = guest.refreshes_token(&first).await;
    let seen = env.claims(&own.text("token"));
    // A thief with the guest's fingerprint, except for the signals that drift.
    let thief = guest.clone().with("accept-language", "fr-FR,fr;q=0.9");
    for n in 0..50 {
        env.plan.clock.advance(TimeDelta::minutes(1));
        let answer = if n % 2 == 0 { &thief } else { &guest }.refreshes_token(&first).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.text("expiration"), own.text("expiration"));
        assert_eq!(env.claims(&answer.text("token")), seen, "bound to the guest's browser");
    }
}

#[tokio::test]
async fn a_lost_refresh_response_does_not_end_the_session() {
    let env = TestEnv::new().await;
    for guest in [env.guest_with_key(), env.guest_on(), env.guest_off()] {
        let started = guest.begins_chat(None).await;
        let first = started.text("token");
        assert_eq!(guest.refreshes_token(&first).await.status, 200, "and the response is lost");
        env.plan.clock.advance(TimeDelta::hours(3));
        let again = guest.refreshes_token(&first).await;
        assert_eq!((again.status, again.text("identity")), (200, started.text("identity")));
        let token = again.text("token");
        assert_eq!(guest.says(&token, &started.text("conversation_sid"), "Still here").await.status, 201);
    }
}

/// ScopedAuthService has advanced the session, and FlexWebchatOrchestratorService cannot look up its conversation.
#[tokio::test]
async fn store_outage_during_refresh_does_not_end_the_session() {
    let cluster = Cluster::launch();
    let database = DatabaseConfig::new(cluster.database().await);
    database.migrate(conversations::MIGRATIONS).await.unwrap();
    let env = TestEnv::with(|plan| plan.databases[0] = database).await;
    let guests = [env.guest_with_key(), env.guest_on(), env.guest_off()];
    let mut tokens = Vec::new();
    for guest in &guests {
        tokens.push(guest.begins_chat(None).await.text("token"));
    }
    cluster.stop();
    for (guest, token) in guests.iter().zip(&tokens) {
        let refused = guest.refreshes_token(token).await;
        assert_eq!((refused.status, refused.code()), (503, "upstream_unavailable"));
    }
    env.plan.clock.advance(TimeDelta::minutes(3));
    cluster.start();
    for (guest, token) in guests.iter().zip(&tokens) {
        let again = guest.refreshes_token(token).await;
        assert_eq!(again.status, 200, "{}", again.body);
        let conversation = again.text("conversation_sid");
        assert_eq!(guest.says(&again.text("token"), &conversation, "Still here").await.status, 201);
    }
}

#[tokio::test]
async fn old_tokens_never_revoke_a_session_with_a_valid_proof() {
    let env = TestEnv::new().await;
    let guest = env.guest_with_key();
    let first = guest.creates_token().await.text("token");
    let mut token = first.clone();
    for _ in 0..4 {
        token = guest.refreshes_token(&token).await.text("token");
        assert_eq!(guest.opens_conversation(&token).await.status, 201);
        env.plan.clock.advance(TimeDelta::seconds(61));
    }
    // A thief with the old token and every header cannot revoke it either: that takes the key.
    let thief = guest.clone().without_proof_key();
    assert_eq!(thief.refreshes_token(&first).await.code(), "invalid_dpop_proof");
    assert_eq!(guest.refreshes_token(&first).await.status, 200);
    assert_eq!(guest.refreshes_token(&token).await.status, 200);
}

#[tokio::test]
async fn refresh_rejects_tokens_of_another_deployment() {
    let env = TestEnv::with(|plan| {
        let deployment = |key: u8, enabled: bool| {
            format!(
                "[[account.deployment]]\nkey = \"CV{key:032}\"\naddress_sid = \"IG{key:032}\"\nenabled = {enabled}\n"
            )
        };
        let account = |number: u8, deployments: String| {
            format!(
                "[[account]]\nsid = \"AC{number:032}\"\nwebchat_security = false\n\
                 conversations_service_sid = \"IS{number:032}\"\n{deployments}"
            )
        };
        let accounts = account(1, deployment(1, true) + &deployment(2, true)) + &account(2, deployment(3, true));
        std::fs::create_dir_all(&plan.data).unwrap();
        std::fs::write(plan.accounts_file(), accounts).unwrap();
    })
    .await;
    let at = |key: u8| Guest::with_chrome(&env.stack.url, &format!("CV{key:032}"));
    let token = at(1).creates_token().await.text("token");
    for other in [at(2), at(3)] {
        assert_eq!(other.refreshes_token(&token).await.code(), "invalid_token");
    }
    // The session has not advanced: the token is still the current one.
    let next = at(1).refreshes_token(&token).await.text("token");
    assert_eq!(env.claims(&next).generation, 1);
}

#[tokio::test]
async fn a_precomputed_proof_grants_no_identity() {
    let env = TestEnv::new().await;
    let guest = env.guest_with_key();
    let identity = guest.begins_chat(None).await.text("identity");
    let nonce = guest.begins_chat(None).await.header("dpop-nonce").to_owned();
    // A script injected for a second signs proofs for next week, with and without today's nonce.
    let (key, url) = (guest.proof_key.clone().unwrap(), format!("{}/v2/Webchat/Init", guest.url));
    let week = TimeDelta::days(7);
    env.plan.clock.advance(week);
    let stolen = [None, Some(nonce.as_str())].map(|nonce| key.proof("POST", &url, None, nonce));
    for proof in stolen {
        let thief = guest.clone().without_proof_key().with("dpop", &proof);
        let refused = thief.begins_chat_once(Some(&identity)).await;
        assert_eq!((refused.status, refused.code()), (401, "use_dpop_nonce"));
    }
}

#[tokio::test]
async fn deployments_can_require_proof_keys() {
    let env = TestEnv::new().await;
    let accounts = std::fs::read_to_string(env.plan.accounts_file()).unwrap();
    let (guest, keyed) = (env.guest_on(), env.guest_with_key());
    let earlier = guest.creates_token().await.text("token");
    let required = accounts.replace(r#"proof_key = "optional""#, r#"proof_key = "required""#);
    let mut reloads = env.stack.accounts.reloads();
    std::fs::write(env.plan.accounts_file(), required).unwrap();
    is_reloaded(&mut reloads).await;
    for refused in [guest.creates_token().await, guest.begins_chat(None).await] {
        assert_eq!((refused.status, refused.code()), (401, "invalid_dpop_proof"));
        assert!(refused.header("www-authenticate").starts_with("DPoP "));
    }
    assert_eq!(guest.refreshes_token(&earlier).await.status, 200, "sessions without a key continue");
    assert_eq!(keyed.creates_token().await.status, 200);
    assert_eq!(keyed.begins_chat(None).await.status, 201);
    let metrics = format!("http://{}/metrics", env.stack.orchestrator.admin_address);
    let metrics = guest.client().get(metrics).send().await.unwrap().text().await.unwrap();
    for line in
        [r#"sessions_requested_total{proof_key="yes"} 2"#, r#"sessions_requested_total{proof_key="no"} 3"#]
    {
        assert!(metrics.lines().any(|found| found == line), "missing line {line}\nin\n{metrics}");
    }
}
