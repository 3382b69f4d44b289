//! The diagram of a browser's visit, executed: the traffic that really flowed between Chromium, Starship and the
//! services.

use std::sync::Arc;

use crate::{chromium::Chromium, diagram, life::WELCOME, recorder::Recorder, scene::TestEnv};

const FILE: &str = "browser-visit.md";

#[tokio::test]
async fn browser_visit_matches_the_diagram() {
    let recorder = Recorder::default();
    let scene = TestEnv::wired(Arc::new(recorder.clone()), |_| {}, |_, _| {}).await;
    let shop = scene.site.origin("shop");
    let (name, _port) = shop.rsplit_once(':').unwrap();
    let flowed = || recorder.take().iter().map(|arrow| arrow.replace(&shop, name)).collect::<Vec<_>>();
    let guest = Chromium::start().await;
    guest.begins_a_chat(&scene.chat_on()).await;
    diagram::assert_equal(FILE, "The guest begins a chat", &flowed());
    guest.writes("Where is my order?").await;
    guest.reads(&[WELCOME, "Where is my order?"]).await;
    diagram::assert_equal(FILE, "The guest writes", &flowed());
    guest.page.reload().await;
    guest.is_told("chatting").await;
    diagram::assert_equal(FILE, "The page is loaded again", &flowed());
    guest.page.click("#end").await;
    guest.is_told("ended by guest").await;
    guest.until("document.querySelector('#status').dataset.revoked").await;
    diagram::assert_equal(FILE, "The guest ends the chat", &flowed());
}
