//! A fingerprint key that was removed too early, as guests see it: a fault of the operator, and no other browser.

use std::sync::Arc;

use serde_json::json;
use service_runtime::Running;
use shared_types::fingerprint::{FingerprintKey, FingerprintKeys};
use tempfile::TempDir;

use crate::{
    api::{
        CREATE, Fwo, ON, OPEN, REFRESH, REVOKE, accounts, chrome,
        http::{Answer, Request},
        is_refused, messages, orchestrator,
        user_agents::{LEVELS, at_level, proof},
    },
    dpop::prover::Prover,
};

/// The same service, restarted with another fingerprint key in place of its own.
struct Restarted {
    running: Running,
    _data: TempDir,
}

impl Restarted {
    async fn with_another_key(fwo: &Fwo, mode: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let running = orchestrator(&data, fwo.federated_auth.address(), |config| {
            config.clock = fwo.clock.clone();
            config.public_urls = "https://chat.example.com".parse().unwrap();
            let another = FingerprintKey::new(vec![77; 32]).unwrap();
            config.fingerprint_keys = Arc::new(FingerprintKeys::new(vec![another]).unwrap());
            let on = "webchat_security = true";
            let text = accounts().replacen(on, &format!("{on}\nfingerprint_mode = \"{mode}\""), 1);
            std::fs::write(&config.accounts_file, text).unwrap();
        })
        .await;
        Self { running, _data: data }
    }

    async fn answers(&self, request: Request) -> Answer {
        request.send(self.running.address()).await
    }
}

fn refresh(token: &str) -> Request {
    chrome(Request::post(REFRESH).json(&json!({"deploymentKey": ON, "token": token})))
}

fn revoke(token: &str) -> Request {
    chrome(Request::post(REVOKE).json(&json!({"deploymentKey": ON, "token": token})))
}

#[tokio::test]
async fn a_key_removed_too_early_is_unavailable_on_every_route_and_ends_no_session() {
    for level in LEVELS {
        let fwo = at_level(level).await;
        let token = fwo.token(ON).await;
        let restarted = Restarted::with_another_key(&fwo, "enforce").await;
        let path = messages("CH00000000000000000000000000000001");
        for call in [
            refresh(&token),
            revoke(&token),
            chrome(Request::post(OPEN).bearer(&token).json(&json!({}))),
            chrome(Request::get(&path).bearer(&token)),
            chrome(Request::post(&path).bearer(&token).json(&json!({"body": "Hello"}))),
        ] {
            is_refused(&restarted.answers(call).await, 503, "upstream_unavailable", "*");
        }
        // The key is back.
        assert_eq!(fwo.refreshes_token(ON, &token).await.status, 200, "{level}");
    }
}

#[tokio::test]
async fn with_a_proof_the_session_is_served_and_bound_anew() {
    for level in LEVELS {
        let fwo = at_level(level).await;
        let restarted = Restarted::with_another_key(&fwo, "enforce").await;
        let (key, signed) = proof(&fwo, Prover::new(), CREATE, None);
        let create = chrome(Request::post(CREATE)).json(&json!({"deploymentKey": ON}));
        let token = fwo.answers(create.header("dpop", signed)).await.member("token");

        is_refused(&restarted.answers(refresh(&token)).await, 401, "invalid_dpop_proof", "*");
        let (key, signed) = proof(&fwo, key, REFRESH, Some(&token));
        let refreshed = restarted.answers(refresh(&token).header("dpop", signed)).await;
        assert_eq!(refreshed.status, 200, "{level}: {}", refreshed.text);

        // Bound anew: the same key no longer helps on another system.
        let token = refreshed.member("token");
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) \
                   Chrome/146.0.0.0 Safari/537.36";
        let (key, signed) = proof(&fwo, key, REFRESH, Some(&token));
        let elsewhere = refresh(&token).without("user-agent").header("user-agent", mac);
        let answer = restarted.answers(elsewhere.header("dpop", signed)).await;
        is_refused(&answer, 403, "fingerprint_invalid", "*");
        let (_, signed) = proof(&fwo, key, REFRESH, Some(&token));
        assert_eq!(restarted.answers(refresh(&token).header("dpop", signed)).await.status, 200);
    }
}

#[tokio::test]
async fn shadow_mode_serves_it_and_leaves_the_binding() {
    let fwo = Fwo::start().await;
    let token = fwo.token(ON).await;
    let restarted = Restarted::with_another_key(&fwo, "shadow").await;
    let refreshed = restarted.answers(refresh(&token)).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text);
    // With the key back, the successor is still compared with the guest's browser.
    assert_eq!(fwo.refreshes_token(ON, &refreshed.member("token")).await.status, 200);
}
