//! The released widget's calls from a page in Chromium, with `browser/conversations-client.js` in place of
//! `@twilio/conversations`.

use chrono::TimeDelta;
use serde_json::json;

use crate::browser::{
    chromium::Chromium,
    life::WELCOME,
    sleep::FALLS_ASLEEP,
    test_env::{TestEnv, refreshes},
};

const QUESTION: &str = "Where is my order? 📦";

/// The widget's page.
fn widget(env: &TestEnv) -> String {
    env.chat_on().replacen("/?", "/widget?", 1)
}

async fn fills_in_the_form(guest: &Chromium) {
    guest.shows_status("ready").await;
    guest.page.types("#begin input", "Ada").await;
    guest.page.run("document.querySelector('#begin textarea').value = given[0]", &[json!(QUESTION)]).await;
    guest.page.click("#begin button").await;
}

/// A field of the session that the widget has stored.
async fn stored(guest: &Chromium, field: &str) -> String {
    let entry = guest.evaluates(&format!("JSON.parse(localStorage.TWILIO_WEBCHAT_WIDGET).{field}")).await;
    entry.as_str().unwrap_or_else(|| panic!("{field} is {entry}")).to_owned()
}

#[tokio::test]
async fn the_widget_chats_with_the_desk() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.page.visit(&widget(&env)).await;
    fills_in_the_form(&guest).await;
    guest.reads(&[QUESTION, WELCOME]).await;
    guest.writes("It has not arrived").await;
    guest.reads(&[QUESTION, WELCOME, "It has not arrived"]).await;

    let sid = stored(&guest, "conversationSid").await;
    assert_eq!(env.desk().says(&sid, "Grace", "I am looking").await.status, 201);
    let shown = [QUESTION, WELCOME, "It has not arrived", "I am looking"];
    guest.reads(&shown).await;
    guest.until("document.querySelector('#messages').lastChild.title === 'Grace'").await;
    let names = "[...document.querySelectorAll('#messages .own')].map(item => item.title)";
    assert_eq!(guest.evaluates(names).await, json!(["You", "You"]));
    assert_eq!(guest.evaluates("document.querySelector('#messages .new')").await, json!(null));

    guest.page.reload().await;
    guest.reads(&shown).await;
    guest.shows_status("active").await;
    assert_eq!(env.desk().closes(&sid).await.status, 200);
    guest.shows_status("closed").await;
    guest.page.reload().await;
    guest.shows_status("closed").await;
    guest.reads(&shown).await;

    guest.page.click("#again").await;
    fills_in_the_form(&guest).await;
    guest.reads(&[QUESTION, WELCOME]).await;
    guest.shows_status("active").await;
    assert_ne!(stored(&guest, "conversationSid").await, sid);
}

#[tokio::test]
async fn the_widget_continues_after_a_sleep_and_with_the_new_token() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.page.visit(&widget(&env)).await;
    fills_in_the_form(&guest).await;
    guest.reads(&[QUESTION, WELCOME]).await;
    let token = stored(&guest, "token").await;
    env.plan.clock.advance(TimeDelta::hours(10));
    guest.page.run(FALLS_ASLEEP, &[json!(10)]).await;
    guest.writes("Good morning").await;
    let shown = [QUESTION, WELCOME, "Good morning"];
    guest.reads(&shown).await;
    assert_ne!(stored(&guest, "token").await, token);

    // By the page's own clock again, and with another tab.
    guest.page.reload().await;
    guest.reads(&shown).await;
    let first = guest.page.tab().await;
    guest.page.new_tab().await;
    guest.page.visit(&widget(&env)).await;
    guest.reads(&shown).await;
    guest.writes("From the second tab").await;
    let shown = [QUESTION, WELCOME, "Good morning", "From the second tab"];
    guest.reads(&shown).await;
    guest.page.turn_to(&first).await;
    guest.reads(&shown).await;
    // By the client: on each load, and after the sleep.
    let made = refreshes(&env.logged(|lines| refreshes(lines).len() >= 4).await);
    assert_eq!(made, ["POST /v2/Webchat/Token/Refresh 200"; 4]);
}

#[tokio::test]
async fn the_widget_shows_its_form_after_the_session_has_expired() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.page.visit(&widget(&env)).await;
    fills_in_the_form(&guest).await;
    guest.reads(&[QUESTION, WELCOME]).await;
    env.plan.clock.advance(TimeDelta::hours(25));
    guest.page.reload().await;
    guest.shows_status("ready: This chat could not be found.").await;
    fills_in_the_form(&guest).await;
    guest.reads(&[QUESTION, WELCOME]).await;
}
