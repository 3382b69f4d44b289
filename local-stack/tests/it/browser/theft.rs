//! A thief copies the page's storage into another browser.

use local_stack::demo;
use serde_json::{Value, json};

use crate::browser::{
    chromium::{Chromium, Habits},
    life::WELCOME,
    test_env::TestEnv,
};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0";

/// A second profile on the same page, with the first one's localStorage.
async fn thief(env: &TestEnv, guest: &Chromium, habits: Habits, before: &str) -> (Chromium, Value) {
    let loot = guest.evaluates("Object.entries(localStorage)").await;
    let thief = Chromium::with(habits).await;
    thief.before_each_page(before).await;
    thief.page.visit(&(env.site.origin("shop") + "/blank")).await;
    let hide = "for (const [name, value] of given[0]) localStorage.setItem(name, value)";
    thief.page.run(hide, std::slice::from_ref(&loot)).await;
    (thief, loot)
}

async fn session_continues(guest: &Chromium) {
    guest.writes("Still mine").await;
    guest.reads(&[WELCOME, "Still mine"]).await;
    guest.page.reload().await;
    guest.reads(&[WELCOME, "Still mine"]).await;
}

#[tokio::test]
async fn stolen_tokens_are_useless_without_the_proof_key() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.begins_a_chat(&env.chat_on()).await;
    let (thief, loot) = thief(&env, &guest, Habits::default(), "").await;

    // Same browser, system, page and headers: only the key is missing.
    let kept: Value = serde_json::from_str(loot[0][1].as_str().unwrap()).unwrap();
    let token = kept["token"].as_str().unwrap();
    let login = json!({"loginTimestamp": kept["loginTimestamp"]}).to_string();
    let call = json!({
        "method": "POST",
        "headers": {"content-type": "application/json", "x-twilio-sec-webchatinfo": login},
        "body": json!({"deploymentKey": demo::DEPLOYMENT_ON, "token": token}).to_string(),
    });
    let refused = thief.fetches(&format!("{}/v2/Webchat/Token/Refresh", env.endpoint), &call).await;
    assert_eq!((&refused["status"], &refused["body"]["code"]), (&json!(401), &json!("invalid_dpop_proof")));

    thief.page.visit(&env.chat_on()).await;
    thief.shows_status("ready").await;
    thief.page.click("#read").await;
    thief.shows_status("refused no_session").await;
    assert_eq!(thief.evaluates("document.querySelectorAll('#messages li').length").await, 0);
    session_continues(&guest).await;
}

#[tokio::test]
async fn without_proof_keys_another_browser_is_rejected() {
    let env = TestEnv::new().await;
    let no_keys = "Object.defineProperty(globalThis, 'indexedDB', { value: undefined })";
    let guest = Chromium::start().await;
    guest.before_each_page(no_keys).await;
    guest.begins_a_chat(&env.chat_on()).await;
    let firefox = Habits { user_agent: Some(FIREFOX), ..Habits::default() };
    let (thief, _) = thief(&env, &guest, firefox, no_keys).await;
    thief.page.visit(&env.chat_on()).await;
    thief.until("document.querySelector('#status').dataset.refused").await;
    assert_eq!(thief.refusals().await, "fingerprint_invalid");
    assert_eq!(thief.evaluates("document.querySelectorAll('#messages li').length").await, 0);
    session_continues(&guest).await;
}
