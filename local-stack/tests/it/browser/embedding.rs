//! The page of docs/embedding.md, as it stands there, with only the endpoint of the test.

use serde_json::json;

use crate::browser::{chromium::Chromium, life::WELCOME, test_env::TestEnv};

const QUESTION: &str = "Where is my order?";

/// The example, in the site of the shop.
fn example(env: &TestEnv) -> String {
    env.chat_on().replacen("/?", "/example?", 1)
}

async fn fills_in_the_form(guest: &Chromium) {
    guest.until("!document.querySelector('#start').hidden").await;
    guest.page.types("#start [name=name]", "Ada").await;
    guest.page.types("#start [name=query]", QUESTION).await;
    guest.page.click("#start button").await;
}

/// Waits until only the form that writes is shown.
async fn can_write(guest: &Chromium) {
    let forms = "['start', 'write'].map(id => document.getElementById(id).hidden).join()";
    guest.until(&format!("{forms} === 'true,false'")).await;
}

#[tokio::test]
async fn the_example_sends_survives_a_reload_and_starts_again() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    let address = example(&env);
    guest.page.visit(&address).await;
    guest.page.run("globalThis.isSamePage = true", &[]).await;
    fills_in_the_form(&guest).await;
    let shown = [format!("You: {QUESTION}"), format!("system: {WELCOME}")];
    let [question, welcome] = shown.each_ref().map(String::as_str);
    guest.reads(&[question, welcome]).await;
    can_write(&guest).await;
    for text in ["Hello", "Are you there?"] {
        guest.until("!document.querySelector('#write button').disabled").await;
        guest.page.types("#write input", &format!("{text}\u{e007}")).await;
        guest.until("!document.querySelector('#write input').value").await;
    }
    let shown = [question, welcome, "You: Hello", "You: Are you there?"];
    guest.reads(&shown).await;
    assert_eq!(guest.evaluates("isSamePage && location.href").await, json!(address), "no form loads a page");

    guest.page.reload().await;
    guest.reads(&shown).await;
    can_write(&guest).await;
    let sid = env.desk().lists_active_conversations().await.body["conversations"][0]["sid"].clone();
    let sid = sid.as_str().unwrap();
    assert_eq!(env.desk().says(sid, "Grace", "Here I am").await.status, 201);
    guest.until("document.querySelector('#messages').lastChild.textContent === 'Grace: Here I am'").await;
    assert_eq!(env.desk().closes(sid).await.status, 200);
    fills_in_the_form(&guest).await;
    guest.reads(&[question, welcome]).await;
    can_write(&guest).await;
    assert_eq!(guest.evaluates("document.querySelector('#notice').textContent").await, "");
}

#[tokio::test]
async fn the_example_shows_the_form_to_a_session_without_a_conversation() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.page.visit(&example(&env)).await;
    let fails = "const send = fetch
        globalThis.fetch = (url, ...rest) => url.endsWith('/v2/WebChannels')
            ? Promise.resolve(Response.json({ code: 'invalid_request' }, { status: 400 }))
            : send(url, ...rest)";
    guest.page.run(fails, &[]).await;
    fills_in_the_form(&guest).await;
    guest.until("document.querySelector('#notice').textContent === 'That could not be accepted.'").await;
    assert_eq!(guest.evaluates("localStorage.length").await, 1, "the session exists");
    guest.page.reload().await;
    fills_in_the_form(&guest).await;
    can_write(&guest).await;
}
