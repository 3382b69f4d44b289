//! The desk's panel: in a window of its own, and in the page.

use serde_json::json;

use crate::browser::{
    demo_page::{Demo, QUESTION},
    life::WELCOME,
};

const LOG: &str = ".desk .messages";

#[tokio::test]
async fn a_guest_and_a_desk_chat_in_two_windows() {
    let demo = Demo::opens().await;
    demo.begins_a_chat().await;
    demo.shows("#invitation", "Nobody is at the desk yet.").await;
    let guest = demo.opens_desk().await;
    let desk = demo.guest.page.tab().await;
    demo.shows(".desk-item", "Ada").await;
    demo.shows(".desk-item", "waits for an answer").await;
    demo.guest.page.click(".desk-item").await;
    demo.shows(".desk-form", QUESTION).await;
    demo.log_has(LOG, &[QUESTION, WELCOME]).await;
    demo.guest.page.types(".desk textarea", "It arrives today.").await;
    demo.guest.page.click(".desk .composer button").await;
    demo.log_has(LOG, &[QUESTION, WELCOME, "It arrives today."]).await;
    demo.shows(".desk-item", "answered").await;
    demo.is_pictured("desk.png").await;

    demo.guest.page.turn_to(&guest).await;
    demo.reads(&[QUESTION, WELCOME, "It arrives today."]).await;
    demo.shows("#messages", "Grace,").await;
    demo.guest.until("document.querySelector('#invitation').hidden").await;
    demo.draws("Desk calls FWO: Create message. FWO answers Desk: 201").await;
    demo.draws("A waiting call ends. FWO calls FAS: Validate token.").await;
    demo.shows(".step:first-child", "The desk answers ✓ 201").await;
    demo.guest.page.click("#desk .desk-item").await;
    demo.is_pictured("light.png").await;
    demo.writes("Thank you!").await;

    demo.guest.page.turn_to(&desk).await;
    demo.log_has(LOG, &[QUESTION, WELCOME, "It arrives today.", "Thank you!"]).await;
    demo.guest.until("document.title === '(1) The desk'").await;
    demo.guest.page.click(".desk-close").await;
    demo.agrees().await;
    demo.guest.until("!document.querySelector('.desk-closed').hidden").await;
    demo.guest.until("document.querySelector('.desk .composer').hidden").await;

    demo.guest.page.turn_to(&guest).await;
    demo.shows("#over", "We have closed this chat.").await;
    demo.shows(".step:first-child", "The desk closes the conversation ✓ 200").await;
    demo.reads(&[QUESTION, WELCOME, "It arrives today.", "Thank you!"]).await;
}

#[tokio::test]
async fn the_invitation_leads_to_the_desk_on_a_phone() {
    let demo = Demo::opens().await;
    demo.looks(360, 740, "light").await;
    demo.begins_a_chat().await;
    demo.shows("#tab-desk", "●1, 1 waiting for an answer").await;
    demo.guest.page.click("#answer").await;
    demo.guest.until("document.activeElement.matches('.desk textarea')").await;
    let chosen = "[...document.querySelectorAll('[role=tab]')].map(tab => tab.ariaSelected)";
    assert_eq!(demo.guest.evaluates(chosen).await, json!(["false", "true"]));
    demo.guest.page.types(".desk textarea", "It arrives today.").await;
    demo.guest.page.click(".desk .composer button").await;
    demo.shows("#tab-guest", "●1, 1 new").await;
    demo.guest.until("document.querySelector('#tab-desk').textContent === 'Desk'").await;
    demo.guest.page.click("#tab-guest").await;
    demo.reads(&[QUESTION, WELCOME, "It arrives today."]).await;
    demo.guest.until("document.querySelector('#tab-guest').textContent === 'Guest'").await;
}

#[tokio::test]
async fn an_answer_that_fails_stays_in_the_field() {
    let demo = Demo::opens().await;
    demo.begins_a_chat().await;
    demo.shows(".desk-item", "Ada").await;
    demo.guest.page.click(".desk-item").await;
    demo.is_offline(true).await;
    demo.guest.page.types(".desk textarea", "It arrives today.").await;
    demo.guest.page.click(".desk .composer button").await;
    demo.shows(".desk-notice", "Not sent.").await;
    demo.guest.until("document.querySelector('.desk textarea').value === 'It arrives today.'").await;
    demo.is_offline(false).await;
    demo.guest.page.click(".desk .composer button").await;
    demo.reads(&[QUESTION, WELCOME, "It arrives today."]).await;
}
