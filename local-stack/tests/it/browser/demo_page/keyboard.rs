//! The demo by keyboard only.

use serde_json::json;

use crate::browser::{
    demo_page::{Demo, QUESTION},
    life::WELCOME,
};

const SHIFT: u8 = 8;

impl Demo {
    /// Presses a key of the keyboard.
    async fn key(&self, name: &str, modifiers: u8) {
        let (code, text) = match name {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "ArrowRight" => (39, ""),
            _ => panic!("{name}"),
        };
        let mut key = json!({"type": "keyDown", "key": name, "code": name, "modifiers": modifiers, "windowsVirtualKeyCode": code});
        if !text.is_empty() {
            key["text"] = text.into();
        }
        self.guest.page.developer_tools("Input.dispatchKeyEvent", key.clone()).await;
        key["type"] = "keyUp".into();
        self.guest.page.developer_tools("Input.dispatchKeyEvent", key).await;
    }

    async fn inserts(&self, text: &str) {
        self.guest.page.developer_tools("Input.insertText", json!({"text": text})).await;
    }

    /// Presses Tab until the focus is on the element; fails if it is not reached, or if the focus cannot be seen.
    async fn tabs_to(&self, selector: &str) {
        for _ in 0..60 {
            self.key("Tab", 0).await;
            let seen = "(one => one.matches(':focus-visible') && getComputedStyle(one).outlineStyle !== 'none')(document.activeElement)";
            if self.focus_is(selector).await {
                assert_eq!(self.guest.evaluates(seen).await, true, "the focus on {selector} is visible");
                return;
            }
        }
        panic!("Tab does not reach {selector}");
    }

    async fn focus_is(&self, selector: &str) -> bool {
        let matches = format!("document.activeElement.matches({})", json!(selector));
        self.guest.evaluates(&matches).await == true
    }
}

#[tokio::test]
async fn a_chat_is_started_answered_and_ended_by_keyboard() {
    let demo = Demo::opens().await;
    demo.tabs_to("#name").await;
    demo.inserts("Ada").await;
    demo.tabs_to("#question").await;
    demo.inserts(QUESTION).await;
    demo.tabs_to("#begin button").await;
    demo.key("Enter", 0).await;
    demo.reads(&[QUESTION, WELCOME]).await;
    demo.guest.until("document.activeElement.id === 'text'").await;
    demo.inserts("One").await;
    demo.key("Enter", SHIFT).await;
    demo.inserts("Two").await;
    demo.key("Enter", 0).await;
    demo.reads(&[QUESTION, WELCOME, "One\nTwo"]).await;
    demo.tabs_to("#answer").await;
    demo.key("Enter", 0).await;
    demo.guest.until("document.activeElement.matches('.desk textarea')").await;
    demo.inserts("It arrives today.").await;
    demo.key("Enter", 0).await;
    demo.reads(&[QUESTION, WELCOME, "One\nTwo", "It arrives today."]).await;
    demo.shows(".step:first-child", "The desk answers").await;
    demo.tabs_to(".step h3 button").await;
    demo.key("Enter", 0).await;
    demo.guest.until("document.querySelector('.step h3 button').ariaExpanded === 'false'").await;
    demo.tabs_to("#thief").await;
    demo.key("Enter", 0).await;
    demo.shows("#outcome", "401 invalid_dpop_proof").await;
    demo.tabs_to("#end").await;
    demo.key("Enter", 0).await;
    demo.shows("dialog", "End this chat?").await;
    demo.key("Escape", 0).await;
    demo.guest.until("!document.querySelector('dialog') && document.activeElement.id === 'end'").await;
    demo.key("Enter", 0).await;
    demo.tabs_to("dialog .primary").await;
    demo.key("Enter", 0).await;
    demo.shows("#over", "You have ended this chat.").await;
    demo.guest.until("document.activeElement.id === 'again'").await;
}

#[tokio::test]
async fn the_tabs_of_a_phone_follow_the_arrow_keys() {
    let demo = Demo::opens().await;
    demo.looks(360, 740, "light").await;
    demo.tabs_to("#tab-guest").await;
    demo.key("ArrowRight", 0).await;
    demo.guest.until("document.activeElement.id === 'tab-desk'").await;
    demo.guest.until("document.querySelector('#desk').checkVisibility()").await;
    demo.guest.until("!document.querySelector('#guest').checkVisibility()").await;
    demo.tabs_to("#sequence-fold").await;
    demo.key("Enter", 0).await;
    demo.guest.until("document.querySelector('#sequence').checkVisibility()").await;
}
