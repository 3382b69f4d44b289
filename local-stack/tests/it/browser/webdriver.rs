//! A chromedriver process, and one of its sessions by the crate fantoccini. A failed command fails the test.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    elements::Element,
    wd::{WebDriverCompatibleCommand, WindowHandle},
};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};

/// A chromedriver process; dropping it ends it and every browser that it started.
pub(crate) struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    /// chromedriver picks a free IPv4 port and then needs the same IPv6 port, which may be in use: it then exits, and
    /// another attempt picks another port.
    pub(crate) fn start() -> Self {
        (0..5).find_map(|_| Self::try_to_start()).expect("chromedriver exited five times")
    }

    fn try_to_start() -> Option<Self> {
        let program = env::var_os("CHROMEDRIVER").unwrap_or_else(|| "chromedriver".into());
        let mut child = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver (Debian: chromium-driver) in PATH or at $CHROMEDRIVER");
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("successfully on port") {
            line.clear();
            if said.read_line(&mut line).unwrap() == 0 {
                child.wait().unwrap();
                return None;
            }
        }
        let digits: String = line.chars().filter(char::is_ascii_digit).collect();
        // chromedriver continues to write and must not find the pipe closed.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Some(Self { child, port: digits.parse().unwrap() })
    }

    /// A new browser with these flags, preferences and user data.
    pub(crate) async fn session(&self, arguments: &[String], preferences: Value) -> Session {
        let mut options = json!({"args": arguments, "prefs": preferences});
        if let Some(binary) = chromium() {
            options["binary"] = json!(binary);
        }
        // Long enough for a busy machine; a missing event fails by this timeout.
        let wanted = json!({"goog:chromeOptions": options, "timeouts": {"script": 20_000}});
        let Value::Object(wanted) = wanted else { panic!("capabilities are an object") };
        let driver = format!("http://127.0.0.1:{}", self.port);
        let client = ClientBuilder::new(HttpConnector::new()).capabilities(wanted).connect(&driver).await;
        let client = client.expect("a session");
        let id = client.session_id().await.unwrap().unwrap();
        Session { client, driver, id }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Killing chromedriver would leave its browsers running.
        if let Ok(mut driver) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ =
                driver.write_all(b"GET /shutdown HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
            let _ = driver.read_to_end(&mut Vec::new());
        }
        let _ = self.child.wait();
    }
}

/// One browser session of chromedriver.
#[derive(Clone)]
pub(crate) struct Session {
    client: Client,
    driver: String,
    pub(crate) id: String,
}

impl Session {
    pub(crate) async fn visit(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    pub(crate) async fn reload(&self) {
        self.client.refresh().await.unwrap();
    }

    /// Opens a second tab in a separate window, so that both are visible, and switches to it; returns its handle.
    pub(crate) async fn new_tab(&self) -> WindowHandle {
        self.open(false).await
    }

    /// Opens a tab in the current window, which hides the current tab, and switches to it; returns its handle.
    pub(crate) async fn new_tab_in_front(&self) -> WindowHandle {
        self.open(true).await
    }

    async fn open(&self, as_tab: bool) -> WindowHandle {
        let handle = self.client.new_window(as_tab).await.unwrap().handle;
        self.turn_to(&handle).await;
        handle
    }

    /// The handle of the current tab.
    pub(crate) async fn tab(&self) -> WindowHandle {
        self.client.window().await.unwrap()
    }

    /// Closes the current tab.
    pub(crate) async fn close_tab(&self) {
        self.client.close_window().await.unwrap();
    }

    pub(crate) async fn turn_to(&self, handle: &WindowHandle) {
        self.client.switch_to_window(handle.clone()).await.unwrap();
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.element(selector).await.click().await.unwrap();
    }

    pub(crate) async fn types(&self, selector: &str, text: &str) {
        self.element(selector).await.send_keys(text).await.unwrap();
    }

    /// Runs the body of an async function in the page and returns what it resolves to.
    pub(crate) async fn run(&self, body: &str, arguments: &[Value]) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);
             (async (...given) => {{ {body} }})(...given).then(done, error => done({{threw: String(error)}}))"
        );
        let result = self.client.execute_async(&script, arguments.to_vec()).await;
        result.unwrap_or_else(|error| panic!("{error}: {script}"))
    }

    /// A command of the DevTools protocol.
    pub(crate) async fn developer_tools(&self, command: &str, parameters: Value) -> Value {
        self.client.issue_cmd(DevTools(json!({"cmd": command, "params": parameters}))).await.unwrap()
    }

    /// The page as PNG. Uses a separate connection: those of a failed test are blocked.
    pub(crate) async fn screenshot(&self) -> Vec<u8> {
        let client =
            Client::with_existing_session(&self.driver, &self.id, HttpConnector::new()).await.unwrap();
        client.screenshot().await.unwrap()
    }

    async fn element(&self, selector: &str) -> Element {
        let found = self.client.find(Locator::Css(selector)).await;
        found.unwrap_or_else(|error| panic!("no element {selector} in the page: {error}"))
    }
}

#[derive(Debug)]
struct DevTools(Value);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as std::str::FromStr>::Err> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.0.to_string()))
    }
}

fn chromium() -> Option<PathBuf> {
    let named = env::var_os("CHROMIUM").map(PathBuf::from);
    let folders = || env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let found = || {
        ["chromium", "google-chrome"].iter().flat_map(|name| folders().into_iter().map(move |f| f.join(name)))
    };
    named.or_else(|| found().find(|program| program.is_file()))
}
