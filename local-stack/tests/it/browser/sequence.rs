//! The diagram of a browser's visit, executed: the traffic that really flowed between Chromium, Starship and the
//! services.

use std::sync::Arc;

use crate::{
    browser::{chromium::Chromium, life::WELCOME, test_env::TestEnv},
    diagram,
    recorder::Recorder,
};

const FILE: &str = "browser-visit.md";

#[tokio::test]
async fn browser_visit_matches_the_diagram() {
    let recorder = Recorder::default();
    let env = TestEnv::wired(Arc::new(recorder.clone()), |_| {}, |_, _| {}).await;
    let shop = env.site.origin("shop");
    let (name, _port) = shop.rsplit_once(':').unwrap();
    let flowed = || recorder.take().iter().map(|arrow| arrow.replace(&shop, name)).collect::<Vec<_>>();
    let guest = Chromium::start().await;
    guest.begins_a_chat(&env.chat_on()).await;
    diagram::assert_equal(FILE, "The guest begins a chat", &flowed());
    guest.writes("Where is my order?").await;
    guest.reads(&[WELCOME, "Where is my order?"]).await;
    diagram::assert_equal(FILE, "The guest writes", &flowed());
    guest.page.reload().await;
    guest.shows_status("chatting").await;
    diagram::assert_equal(FILE, "The page is loaded again", &flowed());
    guest.page.click("#end").await;
    guest.shows_status("ended by guest").await;
    guest.until("document.querySelector('#status').dataset.revoked").await;
    diagram::assert_equal(FILE, "The guest ends the chat", &flowed());
}
