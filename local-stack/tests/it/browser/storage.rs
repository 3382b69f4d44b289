//! With storage and cookies blocked, a guest can chat until the page closes.

use crate::browser::{
    chromium::{Chromium, Habits},
    life::WELCOME,
    test_env::TestEnv,
};

#[tokio::test]
async fn chat_lasts_as_long_as_the_page_when_storage_is_blocked() {
    let env = TestEnv::new().await;
    let guest = Chromium::with(Habits { storage_is_blocked: true, ..Habits::default() }).await;
    guest.begins_a_chat(&env.chat_on()).await;
    let stored = guest.evaluates("localStorage.length").await;
    assert!(stored["threw"].as_str().unwrap().contains("SecurityError"), "it is blocked: {stored}");
    guest.writes("Hello").await;
    guest.reads(&[WELCOME, "Hello"]).await;
    guest.page.reload().await;
    guest.shows_status("ready").await;
    assert_eq!(guest.evaluates("document.querySelectorAll('#messages li').length").await, 0);
}
