//! The demo page as `cargo run` serves it: guest, desk, the sequence diagram, and the effect of each button. With
//! `DEMO_SCREENSHOTS` set to a folder, the README's screenshots are written there (`docs/screenshots/make`).

mod accessibility;
mod desk;
mod keyboard;
mod story;
mod undelivered;

use std::{env, fs, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use fantoccini::wd::WindowHandle;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    browser::{chromium::Chromium, life::WELCOME},
    process::Process,
};

const QUESTION: &str = "Where is my order? It was due on Tuesday.";

/// The text of the sequence diagram, and of its drawings for screen readers.
const SEQUENCE: &str = "(document.querySelector('.sequence').textContent
    + [...document.querySelectorAll('.sequence svg')].map(drawn => drawn.getAttribute('aria-label')).join(' '))";

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
        demo.looks(1280, 800, "light").await;
        demo.guest.before_each_page(script).await;
        demo.guest.page.visit(&demo.page).await;
        demo.guest.until("!document.querySelector('#begin').hidden").await;
        demo
    }

    async fn begins_a_chat(&self) {
        self.asks(QUESTION).await;
        self.reads(&[QUESTION, WELCOME]).await;
    }

    /// Fills in the form and sends it.
    async fn asks(&self, question: &str) {
        self.guest.page.types("#name", "Ada").await;
        self.guest.page.types("#question", question).await;
        self.guest.page.click("#begin button").await;
    }

    async fn writes(&self, text: &str) {
        self.guest.page.types("#text", text).await;
        self.guest.page.click("#say button").await;
    }

    /// Opens the desk's page in a second window; returns the handle of the guest's.
    async fn opens_desk(&self) -> WindowHandle {
        let guest = self.guest.page.tab().await;
        self.guest.page.new_tab().await;
        self.looks(1280, 800, "light").await;
        self.guest.page.visit(&format!("{}/desk", self.page)).await;
        guest
    }

    /// Waits until the guest's messages equal these.
    async fn reads(&self, messages: &[&str]) {
        self.log_has("#messages", messages).await;
    }

    /// Waits until the messages of a log equal these.
    async fn log_has(&self, log: &str, messages: &[&str]) {
        let shown = format!(
            "JSON.stringify([...document.querySelectorAll('{log} .message p')].map(text => text.textContent))"
        );
        self.guest.until(&format!("{shown} === {}", json!(json!(messages).to_string()))).await;
    }

    /// Waits until the element contains this text.
    async fn shows(&self, part: &str, text: &str) {
        let has = format!("document.querySelector({})?.textContent.includes({})", json!(part), json!(text));
        self.guest.until(&has).await;
    }

    /// Waits until the sequence diagram contains this text.
    async fn draws(&self, text: &str) {
        self.guest.until(&format!("{SEQUENCE}.replaceAll('\\u00a0', ' ').includes({})", json!(text))).await;
    }

    async fn presses(&self, button: &str) {
        self.guest.page.click(&format!("#{button}")).await;
        self.guest.until(&format!("!document.querySelector('#{button}').disabled")).await;
    }

    /// Presses the second button of the open dialog.
    async fn agrees(&self) {
        self.guest.page.click("dialog .primary").await;
    }

    async fn looks(&self, width: u32, height: u32, scheme: &str) {
        self.looks_with(width, height, &[("prefers-color-scheme", scheme), ("forced-colors", "none")]).await;
    }

    async fn looks_with(&self, width: u32, height: u32, features: &[(&str, &str)]) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.guest.page.developer_tools("Emulation.setDeviceMetricsOverride", size).await;
        let reduced = ("prefers-reduced-motion", "reduce");
        let features: Vec<Value> = features
            .iter()
            .chain([&reduced])
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        self.guest.page.developer_tools("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// Cuts the page off from the network, or connects it.
    async fn is_offline(&self, offline: bool) {
        let conditions =
            json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.guest.page.developer_tools("Network.enable", json!({})).await;
        self.guest.page.developer_tools("Network.emulateNetworkConditions", conditions).await;
        self.guest.until(&format!("navigator.onLine === {}", !offline)).await;
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
