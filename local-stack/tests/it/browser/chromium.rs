//! A guest's browser: headless Chromium with its own profile, driven through the chat's page. Waits are event-driven,
//! by an observer in the page; a failing test saves a screenshot.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::webdriver::{Driver, Session};

/// A Chromium process; killed on drop.
pub(crate) struct Chromium {
    pub(crate) page: Session,
    // Dropped before the profile, which the browser writes to until it exits.
    _driver: Driver,
    _profile: TempDir,
}

/// Start options of a browser.
#[derive(Default)]
pub(crate) struct Habits {
    /// The `User-Agent` to send instead of Chromium's.
    pub(crate) user_agent: Option<&'static str>,
    /// Whether all storage and cookies are blocked.
    pub(crate) storage_is_blocked: bool,
}

impl Chromium {
    pub(crate) async fn start() -> Self {
        Self::with(Habits::default()).await
    }

    pub(crate) async fn with(habits: Habits) -> Self {
        let (driver, profile) = (Driver::start(), tempfile::tempdir().unwrap());
        let mut arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            "--disable-dev-shm-usage",
            // The browser exits with chromedriver, even if that is killed.
            "--remote-debugging-pipe",
            "--window-size=800,600",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        arguments.extend(habits.user_agent.map(|agent| format!("--user-agent={agent}")));
        // 2: block.
        let preferences = if habits.storage_is_blocked {
            json!({"profile.default_content_setting_values.cookies": 2})
        } else {
            json!({})
        };
        let page = driver.session(&arguments, preferences).await;
        Self { page, _driver: driver, _profile: profile }
    }

    /// Runs this script in every page, before its own.
    pub(crate) async fn before_each_page(&self, script: &str) {
        let command = "Page.addScriptToEvaluateOnNewDocument";
        self.page.developer_tools(command, json!({"source": script})).await;
    }

    /// Fills in the chat page's form and waits for the welcome message.
    pub(crate) async fn begins_a_chat(&self, page: &str) {
        self.page.visit(page).await;
        self.shows_status("ready").await;
        self.page.types("#begin input", "Ada").await;
        self.page.click("#begin button").await;
        self.reads(&[crate::browser::life::WELCOME]).await;
    }

    pub(crate) async fn writes(&self, message: &str) {
        // Set through the page: chromedriver types no characters beyond the basic multilingual plane.
        let set = "document.querySelector('#write input').value = given[0]";
        self.page.run(set, &[json!(message)]).await;
        self.page.click("#write button").await;
    }

    /// Waits until a JavaScript expression is true; evaluated again on every change of the page.
    pub(crate) async fn until(&self, expression: &str) {
        let observe = format!(
            "const holds = () => Boolean({expression});
             if (!holds()) await new Promise(resolve => new MutationObserver(() => holds() && resolve())
                 .observe(document, {{subtree: true, childList: true, characterData: true, attributes: true}}));"
        );
        self.page.run(&observe, &[]).await;
    }

    /// Waits until the status line has this text.
    pub(crate) async fn shows_status(&self, text: &str) {
        self.until(&format!("document.querySelector('#status').textContent.includes({})", json!(text))).await;
    }

    /// Waits until the list of messages equals this, each without its author.
    pub(crate) async fn reads(&self, messages: &[&str]) {
        let shown =
            "JSON.stringify([...document.querySelectorAll('#messages li')].map(item => item.textContent))";
        self.until(&format!("{shown} === {}", json!(json!(messages).to_string()))).await;
    }

    /// The error codes that the page has received since it was loaded.
    pub(crate) async fn refusals(&self) -> Value {
        self.evaluates("document.querySelector('#status').dataset.refused ?? ''").await
    }

    /// Evaluates an expression in the page.
    pub(crate) async fn evaluates(&self, expression: &str) -> Value {
        self.page.run(&format!("return {expression}"), &[]).await
    }

    /// The result of `fetch` in the page: `{status, headers, body}`, or `{threw}` where the browser withholds the
    /// response.
    pub(crate) async fn fetches(&self, url: &str, options: &Value) -> Value {
        let script = "const [url, options] = given;
            const answer = await fetch(url, options), text = await answer.text();
            let body = text;
            try { body = JSON.parse(text) } catch {}
            return {status: answer.status, headers: Object.fromEntries(answer.headers), body}";
        self.page.run(script, &[json!(url), options.clone()]).await
    }
}

impl Drop for Chromium {
    #[allow(clippy::print_stderr, reason = "prints the path of the screenshot of a failed test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let page = self.page.clone();
            let test = std::thread::current().name().unwrap_or("test").replace("::", "-");
            // The test's own runtime is blocked in this call.
            let taken = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                let png = runtime.block_on(page.screenshot());
                // Two browsers of one test have two screenshots.
                let session = page.id.chars().take(8).collect::<String>();
                let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{session}.png"));
                fs::write(&path, png).unwrap();
                eprintln!("what the guest saw: {}", path.display());
            });
            let _ = taken.join();
        }
    }
}
