//! `fingerprint_mode = "shadow"`: requests that would be rejected are served and logged, so that an operator sees the
//! effect of enforcing.

use serde_json::json;

use crate::api::{
    CREATE, Fwo, ON, OPEN, REFRESH, accounts, chrome, firefox, http::Request, is_refused, messages,
};

/// The account with the feature on is in shadow mode.
async fn in_shadow() -> Fwo {
    Fwo::with(|config| {
        let on = "webchat_security = true";
        let text = accounts().replacen(on, &format!("{on}\nfingerprint_mode = \"shadow\""), 1);
        std::fs::write(&config.accounts_file, text).unwrap();
    })
    .await
}

#[tokio::test]
async fn shadow_mode_serves_another_browser_on_every_route() {
    let fwo = in_shadow().await;
    let token = fwo.token(ON).await;
    let refreshed = fwo.answers(firefox(refresh(&token))).await;
    assert_eq!(refreshed.status, 200);
    let token = refreshed.member("token");
    let opened = fwo.answers(firefox(Request::post(OPEN).bearer(&token).json(&json!({})))).await;
    let path = messages(&opened.member("conversation_sid"));
    assert_eq!(fwo.answers(firefox(Request::get(&path)).bearer(&token)).await.status, 200);
    let message = Request::post(&path).bearer(&token).json(&json!({"body": "Hello"}));
    assert_eq!(fwo.answers(firefox(message)).await.status, 201);
    let metrics = Request::get("/metrics").send(fwo.scoped_auth.admin_address).await.text;
    let line = r#"fingerprints_judged_total{verdict="refused_in_shadow",strictest_level="none"} 4"#;
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
}

#[tokio::test]
async fn shadow_mode_still_rejects_invalid_tokens() {
    let fwo = in_shadow().await;
    let token = fwo.token(ON).await;
    is_refused(&fwo.answers(firefox(refresh(&format!("{token}A")))).await, 401, "invalid_token", "*");
    let blind = Request::post(CREATE).json(&json!({"deploymentKey": ON}));
    is_refused(&fwo.answers(chrome(blind).without("user-agent")).await, 403, "fingerprint_unavailable", "*");
    fwo.clock.advance(chrono::TimeDelta::hours(7));
    is_refused(&fwo.answers(firefox(refresh(&token))).await, 401, "expired_token", "*");
}

fn refresh(token: &str) -> Request {
    Request::post(REFRESH).json(&json!({"deploymentKey": ON, "token": token}))
}
