//! The whole life of a chat as a guest sees it.

use local_stack::demo;

use crate::browser::{chromium::Chromium, test_env::TestEnv};

/// The first message of every conversation.
pub(crate) const WELCOME: &str = "Welcome! Someone will be with you in a moment.";

#[tokio::test]
async fn a_chat_starts_survives_a_reload_and_ends() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.begins_a_chat(&env.chat_on()).await;
    guest.writes("Where is my order? 📦").await;
    guest.reads(&[WELCOME, "Where is my order? 📦"]).await;

    guest.page.reload().await;
    guest.reads(&[WELCOME, "Where is my order? 📦"]).await;
    guest.shows_status("chatting").await;
    assert_eq!(guest.evaluates("document.querySelector('#status').dataset.refreshedBy").await, "this-tab");
    guest.writes("Still there?").await;
    guest.reads(&[WELCOME, "Where is my order? 📦", "Still there?"]).await;

    guest.page.click("#end").await;
    guest.shows_status("ended by guest").await;
    assert_eq!(guest.evaluates("localStorage.length").await, 0, "nothing is left behind");
    env.logged(|lines| {
        crate::browser::test_env::paths(lines).contains(&"POST /v2/Webchat/Token/Revoke 200".into())
    })
    .await;
    guest.page.reload().await;
    guest.shows_status("ready").await;
    guest.page.types("#begin input", "Ada").await;
    guest.page.click("#begin button").await;
    guest.reads(&[WELCOME]).await;
}

#[tokio::test]
async fn chat_works_with_the_feature_off() {
    let env = TestEnv::new().await;
    let guest = Chromium::start().await;
    guest.begins_a_chat(&env.chat(demo::DEPLOYMENT_OFF)).await;
    guest.page.reload().await;
    guest.shows_status("chatting").await;
    guest.writes("Hello").await;
    guest.reads(&[WELCOME, "Hello"]).await;
}
