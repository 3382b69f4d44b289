//! What the guest wrote stays visible until it is delivered or deleted; what ended stays readable.

use crate::browser::{
    demo_page::{Demo, QUESTION},
    life::WELCOME,
};

#[tokio::test]
async fn what_was_written_offline_is_sent_online() {
    let demo = Demo::opens().await;
    demo.is_offline(true).await;
    demo.asks(QUESTION).await;
    demo.shows("#notice", "network_unreachable").await;
    demo.guest.until(&format!("document.querySelector('#question').value === '{QUESTION}'")).await;
    demo.is_offline(false).await;
    demo.reads(&[QUESTION, WELCOME]).await;

    demo.is_offline(true).await;
    demo.writes("First").await;
    demo.writes("Second").await;
    demo.shows(".undelivered", "Sent as soon as you are online again").await;
    demo.reads(&[QUESTION, WELCOME, "First", "Second"]).await;
    demo.is_offline(false).await;
    demo.guest.until("!document.querySelector('.undelivered')").await;
    demo.reads(&[QUESTION, WELCOME, "First", "Second"]).await;
}

/// The service refuses messages until the page is loaded again.
const REFUSES: &str = "
    const send = globalThis.fetch
    globalThis.fetch = (url, options) => url.endsWith('/Messages') && options?.method === 'POST'
        ? Promise.resolve(new Response('{\"code\":\"payload_too_large\"}', {status: 413}))
        : send(url, options)";

#[tokio::test]
async fn a_refused_message_stays_until_it_is_sent_again_or_deleted() {
    let demo = Demo::opens().await;
    demo.begins_a_chat().await;
    demo.guest.page.run(REFUSES, &[]).await;
    demo.writes("One").await;
    demo.shows(".undelivered", "Not sent. That is too long.").await;
    demo.writes("Two").await;
    demo.shows(".undelivered:last-child", "Not sent. That is too long.").await;
    demo.guest.page.reload().await;
    demo.reads(&[QUESTION, WELCOME, "One", "Two"]).await;
    demo.guest.page.click(".undelivered button").await;
    demo.guest.until("document.querySelectorAll('.undelivered').length === 1").await;
    demo.guest.page.click(".undelivered button:last-child").await;
    demo.reads(&[QUESTION, WELCOME, "One"]).await;
    demo.guest.page.reload().await;
    demo.reads(&[QUESTION, WELCOME, "One"]).await;
}

#[tokio::test]
async fn a_question_is_delivered_to_the_conversation_of_another_tab() {
    let demo = Demo::opens().await;
    let first = demo.guest.page.tab().await;
    demo.guest.page.types("#name", "Ada").await;
    demo.guest.page.types("#question", "From the first tab").await;
    demo.guest.page.new_tab().await;
    demo.guest.page.visit(&demo.page).await;
    demo.begins_a_chat().await;
    demo.guest.page.turn_to(&first).await;
    demo.guest.page.click("#begin button").await;
    demo.reads(&[QUESTION, WELCOME, "From the first tab"]).await;
    demo.guest.until("!document.querySelector('.undelivered')").await;
}

/// Keeps the text of a saved file.
const KEEPS_FILES: &str = "
    const create = URL.createObjectURL
    URL.createObjectURL = blob => {
        blob.text().then(text => { document.body.dataset.saved = text })
        return create.call(URL, blob)
    }";

#[tokio::test]
async fn an_ended_chat_can_be_read_and_saved() {
    let demo = Demo::opens_after(KEEPS_FILES).await;
    demo.begins_a_chat().await;
    demo.guest.page.click("#end").await;
    demo.shows("dialog", "End this chat?").await;
    demo.guest.page.click("dialog button").await;
    demo.guest.until("!document.querySelector('dialog')").await;
    demo.writes("Still here").await;
    demo.reads(&[QUESTION, WELCOME, "Still here"]).await;
    demo.guest.page.click("#end").await;
    demo.agrees().await;
    demo.shows("#over", "You have ended this chat.").await;
    demo.reads(&[QUESTION, WELCOME, "Still here"]).await;
    demo.guest.page.click("#save").await;
    demo.guest.until("document.body.dataset.saved").await;
    let saved = demo.guest.evaluates("document.body.dataset.saved").await;
    let saved = saved.as_str().unwrap();
    let lines: Vec<_> = saved.lines().map(|line| line.rsplit("  ").next().unwrap()).collect();
    assert_eq!(lines, [format!("You: {QUESTION}"), format!("Us: {WELCOME}"), "You: Still here".to_owned()]);
    demo.guest.page.click("#again").await;
    demo.guest.until("!document.querySelector('#begin').hidden").await;
}

#[tokio::test]
async fn spaces_are_not_sent() {
    let demo = Demo::opens().await;
    demo.asks("  ").await;
    demo.guest.until("document.querySelector('#question').validationMessage").await;
    demo.guest.page.run("document.querySelector('#begin').reset()", &[]).await;
    demo.begins_a_chat().await;
    demo.writes("  ").await;
    demo.writes("Not empty").await;
    demo.reads(&[QUESTION, WELCOME, "Not empty"]).await;
}
