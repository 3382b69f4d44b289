//! Failures between the guest and the services, as the guest sees them: the chat continues.

use local_stack::{Participant, demo};
use serde_json::json;

use crate::browser::{
    chromium::Chromium,
    fault::{Fault, FaultyProxy, Part},
    life::WELCOME,
    test_env::{TestEnv, refreshes},
};

const REFRESHED: &str = "POST /v2/Webchat/Token/Refresh 200";
const UNAVAILABLE: &str = "POST /v2/Webchat/Token/Refresh 503";

#[tokio::test]
async fn refresh_response_lost_behind_starship() {
    let (wire, fault) = FaultyProxy::between(Participant::Starship, Participant::Fwo);
    let env = TestEnv::wired(wire, |_| {}, |_, _| {}).await;
    let guest = Chromium::start().await;
    guest.begins_a_chat(&env.chat_on()).await;
    fault.send_replace(Fault::DropsNextRefresh(Part::All));
    guest.page.reload().await;
    guest.reads(&[WELCOME]).await;
    guest.shows_status("chatting").await;
    assert_eq!(guest.refusals().await, "upstream_unavailable");
    env.logged(|lines| refreshes(lines) == [UNAVAILABLE, REFRESHED]).await;
    guest.writes("Hello").await;
    guest.reads(&[WELCOME, "Hello"]).await;
}

#[tokio::test]
async fn refresh_response_truncated_on_the_way_to_the_browser() {
    let (wire, fault) = FaultyProxy::between(Participant::Browser, Participant::Starship);
    let env = TestEnv::wired(wire, |_| {}, |_, _| {}).await;
    let guest = Chromium::start().await;
    guest.begins_a_chat(&env.chat_on()).await;
    fault.send_replace(Fault::DropsNextRefresh(Part::Body));
    guest.page.reload().await;
    guest.reads(&[WELCOME]).await;
    guest.shows_status("chatting").await;
    assert_eq!(guest.refusals().await, "network_unreachable");
    env.logged(|lines| refreshes(lines) == [REFRESHED, REFRESHED]).await;
    guest.writes("Hello").await;
    guest.reads(&[WELCOME, "Hello"]).await;
}

#[tokio::test]
async fn scoped_auth_outage_and_recovery() {
    let (wire, fault) = FaultyProxy::between(Participant::Fas, Participant::Sas);
    let env = TestEnv::wired(wire, |_| {}, |_, _| {}).await;
    let guest = Chromium::start().await;
    guest.begins_a_chat(&env.chat_on()).await;
    fault.send_replace(Fault::Down);
    guest.page.click("#read").await;
    guest.shows_status("refused upstream_unavailable: ").await;
    fault.send_replace(Fault::None);
    guest.shows_status("chatting").await;
    guest.writes("Hello").await;
    guest.reads(&[WELCOME, "Hello"]).await;
}

#[tokio::test]
async fn starship_outage_and_recovery() {
    let mut env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.begins_a_chat(&env.chat_on()).await;
    env.starship_stops().await;
    guest.page.click("#read").await;
    guest.shows_status("refused network_unreachable: ").await;
    env.starship_is_back().await;
    guest.shows_status("chatting").await;
    guest.writes("Hello").await;
    guest.reads(&[WELCOME, "Hello"]).await;
}

#[tokio::test]
async fn pages_can_read_starships_own_responses() {
    let (wire, fault) = FaultyProxy::between(Participant::Starship, Participant::Fwo);
    let soon = std::time::Duration::from_millis(300);
    let env = TestEnv::wired(wire, |starship| starship.timeout = soon, |_, _| {}).await;
    let guest = Chromium::start().await;
    guest.page.visit(&(env.site.origin("shop") + "/blank")).await;
    let body = format!("deploymentKey={}", demo::DEPLOYMENT_ON);
    let call = json!({
        "method": "POST",
        "headers": {"content-type": "application/x-www-form-urlencoded", "x-twilio-sec-webchatinfo": "{}"},
        "body": body,
    });
    let url = format!("{}/v2/Webchat/Token", env.endpoint);
    // Caches the preflight, so that the requests below need none.
    assert_eq!(guest.fetches(&url, &call).await["status"], 200);
    for (bad, status, code) in [
        (Fault::TruncatesHead, 502, "upstream_invalid"),
        (Fault::Down, 503, "upstream_unavailable"),
        (Fault::Silent, 504, "upstream_timeout"),
    ] {
        fault.send_replace(bad);
        let answer = guest.fetches(&url, &call).await;
        assert_eq!((&answer["status"], &answer["body"]["code"]), (&json!(status), &json!(code)), "{answer}");
        let has_retry_after = answer["headers"].get("retry-after").is_some();
        assert_eq!(has_retry_after, status == 503, "Retry-After only with a 503: {answer}");
        assert!(answer["headers"]["request-id"].is_string(), "support can find it: {answer}");
    }
    // nginx forwards this response unchanged, without a head (`nginx.conf.template` says why): no page can read it.
    fault.send_replace(Fault::NotHttp);
    let answer = guest.fetches(&url, &call).await;
    assert!(answer["threw"].is_string(), "{answer}");
    fault.send_replace(Fault::None);
    assert_eq!(guest.fetches(&url, &call).await["status"], 200);
}
