//! The demo page as `cargo run` serves it: the chat, the sequence diagram next to it, and the effect of each button.
//! With `DEMO_SCREENSHOTS` set to a folder, the README's screenshots are written there (`docs/screenshots/make`).

use std::{env, fs, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    browser::{chromium::Chromium, life::WELCOME},
    process::Process,
};

const QUESTION: &str = "Where is my order? It was due on Tuesday.";

/// The stack as users start it, with a browser on its page.
struct Demo {
    guest: Chromium,
    page: String,
    /// Dropped before the data folder.
    stack: Option<Process>,
    _data: TempDir,
}

impl Demo {
    async fn opens() -> Self {
        Self::opens_after("").await
    }

    /// Opens the page; `script` runs first in each of its pages.
    async fn opens_after(script: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_local-stack"));
        command.args(["--free-ports", "--data"]).arg(data.path()).env("RUST_LOG", "error");
        let mut stack = Process::start(&mut command);
        let line = stack.until("Look here first");
        let page = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
        let demo = Self { guest: Chromium::start().await, page, stack: Some(stack), _data: data };
        demo.looks(1280, 860, "light").await;
        demo.guest.before_each_page(script).await;
        demo.guest.page.visit(&demo.page).await;
        demo.guest.until("!document.querySelector('#begin').hidden").await;
        demo
    }

    async fn begins_a_chat(&self) {
        self.guest.page.types("#name", "Ada").await;
        self.guest.page.types("#question", QUESTION).await;
        self.guest.page.click("#begin button").await;
        self.reads(&[QUESTION, WELCOME]).await;
    }

    /// Waits until the messages equal these.
    async fn reads(&self, messages: &[&str]) {
        let shown =
            "JSON.stringify([...document.querySelectorAll('.message p')].map(text => text.textContent))";
        self.guest.until(&format!("{shown} === {}", json!(json!(messages).to_string()))).await;
    }

    /// Waits until the element contains this text.
    async fn shows(&self, part: &str, text: &str) {
        let has = format!("document.querySelector({}).textContent.includes({})", json!(part), json!(text));
        self.guest.until(&has).await;
    }

    async fn presses(&self, button: &str) {
        self.guest.page.click(&format!("#{button}")).await;
        self.guest.until(&format!("!document.querySelector('#{button}').disabled")).await;
    }

    /// The accessible text of the sequence diagram.
    async fn sequence(&self) -> String {
        self.guest.evaluates("document.querySelector('#exchanges').textContent").await.to_string()
    }

    async fn looks(&self, width: u32, height: u32, scheme: &str) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.guest.page.developer_tools("Emulation.setDeviceMetricsOverride", size).await;
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.guest.page.developer_tools("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Saves a screenshot if `DEMO_SCREENSHOTS` is set.
    async fn is_pictured(&self, name: &str) {
        let Some(folder) = env::var_os("DEMO_SCREENSHOTS").map(PathBuf::from) else { return };
        let whole = json!({"format": "png", "captureBeyondViewport": true});
        let picture = self.guest.page.developer_tools("Page.captureScreenshot", whole).await;
        let picture = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        fs::write(folder.join(name), picture).unwrap();
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // After a kill, Starship could outlive the stack for a moment, and still hold its files.
        if let Some(stack) = self.stack.take() {
            stack.signal("-TERM");
            stack.end();
        }
    }
}

#[tokio::test]
async fn chat_continues_after_reload_and_in_a_second_tab_with_its_calls_drawn() {
    let demo = Demo::opens().await;
    demo.begins_a_chat().await;
    demo.shows("#exchanges", "The customer starts a chat.").await;
    demo.shows(
        "#exchanges",
        "Create a token. Browser calls Starship: POST /v2/Webchat/Token. Starship calls FWO: POST /v2/Webchat/Token. \
         FWO calls FAS: POST /v1/Accounts/AC…/Tokens. FAS calls SAS: POST /v1/ScopedAuthTokens/generate/internal. \
         SAS answers 200",
    )
    .await;
    demo.shows("#exchanges", "Open the conversation.").await;
    let drawn = demo.guest.evaluates("document.querySelectorAll('#exchanges svg path.head').length").await;
    assert!(drawn.as_u64().unwrap() > 20, "{drawn}");
    let scroll = "[...document.querySelectorAll('#exchanges li')]
        .find(one => one.textContent.includes('Create a token.')).scrollIntoView()";
    demo.guest.page.run(scroll, &[]).await;
    demo.is_pictured("light.png").await;

    demo.guest.page.reload().await;
    demo.reads(&[QUESTION, WELCOME]).await;
    demo.shows("#exchanges", "Refresh the token.").await;

    let first = demo.guest.page.tab().await;
    demo.guest.page.new_tab().await;
    demo.guest.page.visit(&demo.page).await;
    demo.reads(&[QUESTION, WELCOME]).await;
    demo.guest.page.types("#text", "From the second tab").await;
    demo.guest.page.click("#say button").await;
    demo.reads(&[QUESTION, WELCOME, "From the second tab"]).await;
    demo.shows("#exchanges", "Send a message.").await;
    demo.guest.page.click("#end").await;
    demo.shows("#over", "You have ended this chat.").await;
    demo.guest.page.turn_to(&first).await;
    demo.shows("#over", "This chat was ended in another tab.").await;
}

/// Starship logs a request after the response was sent, on a busy machine much later.
const STARSHIPS_LINES_ARE_LATE: &str = "
    globalThis.EventSource = class extends EventSource {
        addEventListener(type, listener) {
            super.addEventListener(type, event => {
                const isStarships = type === 'arrow' && JSON.parse(event.data).service === 'Starship'
                isStarships ? setTimeout(listener, 500, event) : listener(event)
            })
        }
    }";

#[tokio::test]
async fn late_starship_log_lines_are_sorted_into_the_sequence() {
    let demo = Demo::opens_after(STARSHIPS_LINES_ARE_LATE).await;
    demo.begins_a_chat().await;
    for whole in [
        "Create a token. Browser calls Starship: POST /v2/Webchat/Token. Starship calls FWO: POST",
        "Open the conversation. Browser calls Starship: POST /v2/WebChannels. Starship calls FWO: POST",
    ] {
        demo.shows("#exchanges", whole).await;
    }
    let twice = "document.querySelector('#exchanges').textContent.split('Create a token.').length - 1";
    assert_eq!(demo.guest.evaluates(twice).await, 1, "one request is drawn once");
}

#[tokio::test]
async fn each_button_works_and_the_chat_continues() {
    let demo = Demo::opens().await;
    demo.presses("thief").await;
    demo.shows("#outcome", "Start a chat first").await;
    demo.begins_a_chat().await;

    demo.presses("thief").await;
    demo.shows("#outcome", "Firefox on Linux, with a key of its own: 401 invalid_dpop_proof").await;
    demo.shows("#outcome", "Every header of your browser copied, without its key: 401 invalid_dpop_proof")
        .await;
    demo.shows("#exchanges", "A thief: Refresh the token.").await;
    demo.looks(1280, 860, "dark").await;
    demo.is_pictured("dark.png").await;

    demo.presses("elsewhere").await;
    demo.shows("#exchanges", "FWO answers 403 origin_not_allowed").await;

    demo.presses("expire").await;
    demo.shows("#fact-clock", "is 7 h ahead").await;
    demo.shows("#exchanges", "FAS answers 401 expired_token").await;
    demo.guest.page.types("#text", "Still there?").await;
    demo.guest.page.click("#say button").await;
    demo.reads(&[QUESTION, WELCOME, "Still there?"]).await;

    demo.presses("scoped-auth").await;
    demo.shows("#fact-scoped-auth", "is stopped").await;
    demo.shows("#notice", "upstream_unavailable").await;
    demo.shows("#exchanges", "FAS cannot reach SAS.").await;
    demo.looks(360, 780, "light").await;
    let wider = "document.documentElement.scrollWidth - 360";
    assert_eq!(demo.guest.evaluates(wider).await, Value::from(0), "no element is wider than a phone");
    demo.is_pictured("narrow.png").await;
    demo.looks(1280, 860, "light").await;
    demo.presses("scoped-auth").await;
    demo.shows("#fact-scoped-auth", "runs").await;
    demo.guest.until("document.querySelector('#notice').textContent === ''").await;

    demo.presses("replay").await;
    demo.shows("#outcome", "the chat goes on").await;
    demo.guest.page.types("#text", "And now?").await;
    demo.guest.page.click("#say button").await;
    demo.reads(&[QUESTION, WELCOME, "Still there?", "And now?"]).await;
    assert!(!demo.sequence().await.contains("revoked_token"));
    demo.is_pictured("failure.png").await;
    demo.guest.page.click("#end").await;
    demo.shows("#over", "You have ended this chat.").await;
    demo.guest.page.click("#again").await;
    demo.guest.until("!document.querySelector('#begin').hidden").await;
}
