//! `FWO ->> FC`: allowedOrigins from a Flex Configuration service. A second orchestrator plays it; a scripted peer
//! plays the failures.

use std::time::Duration;

use chrono::TimeDelta;
use orchestrator::Config;
use serde_json::{Value, json};

use crate::api::{
    CREATE, Fwo, LIST, ON, ON_LISTED, PATIENT, SHOP, chrome,
    http::{Answer, Request},
    is_refused, orchestrator,
    scripted_peer::{Act, ClosedPort, ScriptedPeer, answer},
};

const ACCOUNT: &str = "AC00000000000000000000000000000001";

async fn configuration(fwo: &Fwo, query: &str) -> Answer {
    fwo.answers(Request::get(&format!("/V1/Configuration/Public?{query}"))).await
}

async fn with_flex_configuration(url: String, timeout: Duration) -> Fwo {
    Fwo::with(|config| config.flex_configuration = Some(Config::flex_configuration(url, timeout))).await
}

#[tokio::test]
async fn public_configuration_lists_origins_and_the_admin_listener_deployments() {
    let fwo = Fwo::start().await;
    let listed: Value =
        ["https://shop.example.com", "https://*.example.org"].map(Value::from).to_vec().into();
    for name in ["AccountSid", "accountSid", "account_sid"] {
        let answer = configuration(&fwo, &format!("{name}={ACCOUNT}")).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin").as_str()), (200, "*"));
        assert_eq!(answer.members(), ["allowedOrigins"], "deployments are not public");
        let mut origins = answer.body()["allowedOrigins"].as_array().unwrap().clone();
        origins.reverse();
        assert_eq!(Value::from(origins), listed, "the union of the lists that are not empty");
    }
    let path = format!("/V1/Configuration/Public?AccountSid={ACCOUNT}");
    let internal = Request::get(&path).send(fwo.running.admin_address).await.body();
    assert_eq!(internal["deployments"][ON], json!([]), "that one allows every page");
    assert!(internal["deployments"].get(ON_LISTED).is_none(), "that one does not differ: {internal}");
    let unknown = configuration(&fwo, "AccountSid=AC000000000000000000000000000000ff").await;
    is_refused(&unknown, 404, "not_found", "*");
}

#[tokio::test]
async fn flex_configuration_origins_override_the_file() {
    let text = crate::api::accounts().replacen(
        "allowed_origins = []",
        r#"allowed_origins = ["https://fc.example"]"#,
        1,
    );
    let fc = Fwo::with(|config| std::fs::write(&config.accounts_file, text).unwrap()).await;
    let fwo = with_flex_configuration(format!("http://{}", fc.running.admin_address), PATIENT).await;
    let refused = fwo.creates_token(ON).await;
    is_refused(&refused, 403, "origin_not_allowed", "https://fc.example");
    let call = chrome(Request::post(CREATE)).without("origin").header("origin", "https://fc.example");
    let served = fwo.answers(call.json(&json!({"deploymentKey": ON}))).await;
    assert_eq!(
        (served.status, served.header("access-control-allow-origin").as_str()),
        (200, "https://fc.example")
    );
    assert_eq!(
        fwo.creates_token(ON_LISTED).await.header("access-control-allow-origin"),
        SHOP,
        "its own list"
    );
}

#[tokio::test]
async fn flex_configuration_is_fetched_at_most_once_a_second_without_a_credential() {
    let fc = ScriptedPeer::that(Act::json(200, r#"{"allowedOrigins":[]}"#)).await;
    let fwo = with_flex_configuration(fc.url(), PATIENT).await;
    for _ in 0..3 {
        assert_eq!(fwo.creates_token(ON_LISTED).await.header("access-control-allow-origin"), "*");
        fwo.clock.advance(TimeDelta::seconds(1));
    }
    let line = format!("GET /V1/Configuration/Public?AccountSid={ACCOUNT} HTTP/1.1\r\n");
    let seen = fc.seen();
    assert!(seen.len() == 3 && seen.iter().all(|request| request.starts_with(&line)), "{seen:?}");
    assert_eq!(fc.header_seen(0, "authorization"), None);
}

#[tokio::test]
async fn a_response_cached_within_a_minute_is_used_during_an_outage() {
    let good = Act::json(200, &json!({"allowedOrigins": [SHOP]}).to_string());
    for failure in [Act::Close, Act::json(200, r#"{"allowedOrigins":["*"]}"#), Act::json(500, "")] {
        let fc = ScriptedPeer::with(vec![good.clone(), failure]).await;
        let fwo = with_flex_configuration(fc.url(), PATIENT).await;
        for seconds in [0, 1, 57] {
            fwo.clock.advance(TimeDelta::seconds(seconds));
            let served = fwo.creates_token(ON).await;
            assert_eq!((served.status, served.header("access-control-allow-origin").as_str()), (200, SHOP));
        }
        fwo.clock.advance(TimeDelta::seconds(60));
        let refused = fwo.creates_token(ON).await;
        assert!(matches!(refused.status, 502 | 503), "cached for at most a minute: {}", refused.status);
    }
}

#[tokio::test]
async fn without_configuration_requests_fail_without_an_upstream_call() {
    let eleven: Vec<String> = (0..11).map(|number| format!("https://shop{number}.example.com")).collect();
    let redirect = answer(301, "location: http://127.0.0.1:1/\r\n", "");
    for (what, act, status, code) in [
        ("closing at once", Act::Close, 503, "upstream_unavailable"),
        ("no response", Act::never_respond(), 504, "upstream_timeout"),
        ("not HTTP", Act::Send(b"hunter2\r\n\r\n".to_vec()), 502, "upstream_invalid"),
        (
            "a page",
            Act::Send(answer(200, "content-type: text/html\r\n", "<p>hunter2")),
            502,
            "upstream_invalid",
        ),
        ("a redirect", Act::Send(redirect), 502, "upstream_invalid"),
        ("no list", Act::json(200, "{}"), 502, "upstream_invalid"),
        ("every origin", Act::json(200, r#"{"allowedOrigins":["*"]}"#), 502, "upstream_invalid"),
        ("no origin", Act::json(200, r#"{"allowedOrigins":["hunter2"]}"#), 502, "upstream_invalid"),
        ("too many", Act::json(200, &json!({"allowedOrigins": eleven}).to_string()), 502, "upstream_invalid"),
        (
            "its refusal",
            Act::json(404, r#"{"valid":false,"code":"not_found","message":"No."}"#),
            502,
            "upstream_invalid",
        ),
    ] {
        let (data, fc) = (tempfile::tempdir().unwrap(), ScriptedPeer::that(act).await);
        let federated_auth = ScriptedPeer::that(Act::Close).await;
        let timeout = if code == "upstream_timeout" { Duration::from_millis(200) } else { PATIENT };
        let fwo = orchestrator(&data, federated_auth.address, |config| {
            config.flex_configuration = Some(Config::flex_configuration(fc.url(), timeout));
        })
        .await;
        let refused =
            chrome(Request::post(CREATE)).json(&json!({"deploymentKey": ON})).send(fwo.address()).await;
        is_refused(&refused, status, code, "*");
        refused.does_not_repeat("hunter2");
        assert_eq!((fc.seen().len(), federated_auth.seen().len()), (1, 0), "{what}");
    }
}

#[tokio::test]
async fn unreachable_flex_configuration_is_unavailable() {
    let closed = ClosedPort::reserve();
    let fwo = with_flex_configuration(closed.url(), PATIENT).await;
    is_refused(&fwo.creates_token(ON).await, 503, "upstream_unavailable", "*");
    let answer = configuration(&fwo, &format!("AccountSid={ACCOUNT}")).await;
    assert_eq!(answer.status, 200, "its own public configuration needs no other service");
    let list = answer.body()["allowedOrigins"].clone();
    let list: Vec<&str> = list.as_array().unwrap().iter().filter_map(Value::as_str).rev().collect();
    assert_eq!(list.join(", "), LIST);
}
