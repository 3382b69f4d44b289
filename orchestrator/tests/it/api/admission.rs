//! The order of admission: a request over a limit costs nothing, and requests rejected by a check do not consume the
//! deployment's limit.

use chrono::TimeDelta;
use orchestrator::Config;
use serde_json::json;
use tokio::task::JoinSet;

use crate::api::{
    CREATE, Fwo, INIT, LIST, OFF_DISABLED, ON, ON_LISTED, OPEN, PATIENT, REFRESH, REVOKE, SHOP, accounts,
    chrome,
    http::{Answer, Request},
    is_refused,
    scripted_peer::{Act, ScriptedPeer},
};

const CONFIGURATION: &str = "/V1/Configuration/Public?AccountSid=AC00000000000000000000000000000001";

/// A service with these limits, optionally with a Flex Configuration service that allows every origin.
async fn limited(limits: &str, behind: Option<&ScriptedPeer>) -> Fwo {
    let text = accounts().replace("enabled =", &format!("rate_limits = {{ {limits} }}\nenabled ="));
    Fwo::with(|config| {
        std::fs::write(&config.accounts_file, text).unwrap();
        config.flex_configuration = behind.map(|peer| Config::flex_configuration(peer.url(), PATIENT));
    })
    .await
}

async fn flex_configuration() -> ScriptedPeer {
    ScriptedPeer::that(Act::json(200, r#"{"allowedOrigins":["https://shop.example.com"]}"#)).await
}

fn is_limited(answer: &Answer, policy: &str, allow_origin: &str) {
    is_refused(answer, 429, "rate_limited", allow_origin);
    assert_eq!(answer.header("ratelimit-policy"), policy);
}

#[tokio::test]
async fn rate_limited_requests_fetch_no_configuration() {
    let fc = flex_configuration().await;
    let fwo = limited("visitor_creates_per_minute = 1, visitor_calls_per_minute = 2", Some(&fc)).await;
    let token = fwo.token(ON).await;
    let conversation = fwo.opens_conversation(&token).await.member("conversation_sid");
    assert_eq!(fwo.refreshes_token(ON, &token).await.status, 200);
    let fetched = fc.seen().len();
    assert!((1..=3).contains(&fetched), "{fetched}");
    // Long enough after the last fetch not to share it, and too soon for another one.
    fwo.clock.advance(TimeDelta::seconds(2));
    for _ in 0..20 {
        let fields = json!({"deploymentKey": ON, "token": token});
        let revoke = chrome(Request::post(REVOKE)).json(&fields);
        let init = chrome(Request::post(INIT)).json(&json!({"deploymentKey": ON}));
        for answer in [fwo.creates_token(ON).await, fwo.answers(init).await] {
            is_limited(&answer, r#""visitor_creates";q=1;w=60"#, "*");
        }
        for answer in [
            fwo.refreshes_token(ON, &token).await,
            fwo.answers(revoke).await,
            fwo.opens_conversation(&token).await,
            fwo.reads(&token, &conversation, "").await,
            fwo.says(&token, &conversation, &json!({"body": "Hello"})).await,
        ] {
            is_limited(&answer, r#""visitor_calls";q=2;w=60"#, "*");
        }
    }
    assert_eq!(fc.seen().len(), fetched, "140 requests over a limit");
}

#[tokio::test]
async fn requests_within_a_second_share_one_fetch() {
    let fc = flex_configuration().await;
    let fwo = limited("visitor_creates_per_minute = 1000", Some(&fc)).await;
    let began = std::time::Instant::now();
    let mut calls = JoinSet::new();
    // Fewer than three quarters of a worker's requests, beyond which a visitor may have only two; Starship lets 32
    // through.
    for _ in 0..40 {
        let create = chrome(Request::post(CREATE)).json(&json!({"deploymentKey": ON}));
        let address = fwo.running.address();
        calls.spawn(async move { create.send(address).await });
    }
    for answer in calls.join_all().await {
        assert_eq!((answer.status, answer.header("access-control-allow-origin").as_str()), (200, SHOP));
    }
    let most = 1 + began.elapsed().as_secs() as usize;
    assert!((1..=most).contains(&fc.seen().len()), "{} fetches", fc.seen().len());
}

#[tokio::test]
async fn listed_pages_can_read_rate_limit_errors_during_a_configuration_outage() {
    let fwo = limited("visitor_creates_per_minute = 1", None).await;
    assert_eq!(fwo.creates_token(ON_LISTED).await.status, 200);
    is_limited(&fwo.creates_token(ON_LISTED).await, r#""visitor_creates";q=1;w=60"#, SHOP);
    let elsewhere = chrome(Request::post(CREATE)).without("origin").header("origin", "https://evil.example");
    let elsewhere = fwo.answers(elsewhere.json(&json!({"deploymentKey": ON_LISTED}))).await;
    is_refused(&elsewhere, 403, "origin_not_allowed", LIST);
}

#[tokio::test]
async fn rejected_requests_do_not_consume_the_deployments_limit() {
    let fwo = limited("creates_per_minute = 4", None).await;
    let create = || chrome(Request::post(CREATE)).json(&json!({"deploymentKey": ON}));
    for _ in 0..10 {
        let nameless = fwo.answers(create().without("user-agent")).await;
        is_refused(&nameless, 403, "fingerprint_unavailable", "*");
        let forged = fwo.answers(create().header("dpop", "forged")).await;
        is_refused(&forged, 401, "invalid_dpop_proof", "*");
    }
    for _ in 0..4 {
        assert_eq!(fwo.answers(create()).await.status, 200);
    }
    is_limited(&fwo.answers(create()).await, r#""creates";q=4;w=60"#, "*");
    // The limit is exhausted now, and checked before the fingerprint.
    is_limited(&fwo.answers(create().without("user-agent")).await, r#""creates";q=4;w=60"#, "*");
}

#[tokio::test]
async fn disabled_deployments_are_rate_limited() {
    let fwo = limited("visitor_creates_per_minute = 1", None).await;
    is_refused(&fwo.creates_token(OFF_DISABLED).await, 403, "deployment_key_disabled", SHOP);
    is_limited(&fwo.creates_token(OFF_DISABLED).await, r#""visitor_creates";q=1;w=60"#, SHOP);
}

#[tokio::test]
async fn malformed_forms_are_rate_limited() {
    let fwo = limited("visitor_creates_per_minute = 2, visitor_calls_per_minute = 2", None).await;
    let token = fwo.token(ON).await;
    let long = "x".repeat(257);
    let init = json!({"deploymentKey": ON, "customerFriendlyName": long});
    let open = || chrome(Request::post(OPEN)).bearer(&token).json(&json!({"customerFriendlyName": long}));
    let init = || chrome(Request::post(INIT)).json(&init);
    is_refused(&fwo.answers(init()).await, 400, "invalid_request", "*");
    is_limited(&fwo.answers(init()).await, r#""visitor_creates";q=2;w=60"#, "*");
    for _ in 0..2 {
        is_refused(&fwo.answers(open()).await, 400, "invalid_request", "*");
    }
    is_limited(&fwo.answers(open()).await, r#""visitor_calls";q=2;w=60"#, "*");
    assert_eq!(fwo.answers(chrome(Request::post(REFRESH)).json(&json!({}))).await.status, 400);
}

#[tokio::test]
async fn public_configuration_is_rate_limited_per_account() {
    let fwo = Fwo::start().await;
    let answers = async |path: &str| fwo.answers(Request::get(path)).await;
    let (mut served, mut refused) = (0, answers(CONFIGURATION).await);
    while refused.status == 200 && served < 3000 {
        (served, refused) = (served + 1, answers(CONFIGURATION).await);
    }
    assert!(served >= 300, "{served}");
    is_limited(&refused, r#""visitor_calls";q=300;w=60"#, "*");
    assert_eq!(answers(&CONFIGURATION.replace("01", "02")).await.status, 200);
    // An account's sid and a deployment's key may have the same digits.
    let token = fwo.token(ON).await;
    assert_eq!(fwo.opens_conversation(&token).await.status, 201);
}
