//! The subset of the W3C WebDriver protocol that these tests need: a chromedriver child process, and JSON commands over
//! HTTP. It is a dozen lines per command; a crate for it would bring two dozen others.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use service_runtime::client::http_client;

/// The member that holds an element's reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

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
        let client = http_client().build().unwrap();
        let mut options = json!({"args": arguments, "prefs": preferences});
        if let Some(binary) = chromium() {
            options["binary"] = json!(binary);
        }
        // Long enough for a busy machine; a missing event fails by this timeout.
        let wanted = json!({"goog:chromeOptions": options, "timeouts": {"script": 20_000}});
        let base = format!("http://127.0.0.1:{}/session", self.port);
        let body = json!({"capabilities": {"alwaysMatch": wanted}});
        let made = command(&client, Method::POST, &base, Some(&body)).await;
        let id = made["sessionId"].as_str().expect("a session").to_owned();
        Session { client, url: format!("{base}/{id}") }
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
    url: String,
}

impl Session {
    /// The session id.
    pub(crate) fn id(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }

    pub(crate) async fn visit(&self, url: &str) {
        self.post("url", json!({"url": url})).await;
    }

    pub(crate) async fn reload(&self) {
        self.post("refresh", json!({})).await;
    }

    /// Opens a second tab in a separate window, so that both are visible, and switches to it; returns its handle.
    pub(crate) async fn new_tab(&self) -> String {
        self.open("window").await
    }

    /// Opens a tab in the current window, which hides the current tab, and switches to it; returns its handle.
    pub(crate) async fn new_tab_in_front(&self) -> String {
        self.open("tab").await
    }

    async fn open(&self, kind: &str) -> String {
        let made = self.post("window/new", json!({"type": kind})).await;
        let handle = made["handle"].as_str().unwrap().to_owned();
        self.turn_to(&handle).await;
        handle
    }

    /// The handle of the current tab.
    pub(crate) async fn tab(&self) -> String {
        self.send(Method::GET, "window", None).await.as_str().unwrap().to_owned()
    }

    /// Closes the current tab.
    pub(crate) async fn close_tab(&self) {
        self.send(Method::DELETE, "window", None).await;
    }

    pub(crate) async fn turn_to(&self, handle: &str) {
        self.post("window", json!({"handle": handle})).await;
    }

    pub(crate) async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.post(&format!("element/{element}/click"), json!({})).await;
    }

    pub(crate) async fn types(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.post(&format!("element/{element}/value"), json!({"text": text})).await;
    }

    /// Runs the body of an async function in the page and returns what it resolves to.
    pub(crate) async fn run(&self, body: &str, arguments: &[Value]) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1], given = [...arguments].slice(0, -1);
             (async (...given) => {{ {body} }})(...given).then(done, error => done({{threw: String(error)}}))"
        );
        self.post("execute/async", json!({"script": script, "args": arguments})).await
    }

    /// A command of the DevTools protocol.
    pub(crate) async fn developer_tools(&self, command: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    /// The page as PNG, in base64. Uses a separate connection: those of a failed test are blocked.
    pub(crate) async fn screenshot(&self) -> String {
        let client = http_client().build().unwrap();
        let taken = command(&client, Method::GET, &format!("{}/screenshot", self.url), None).await;
        taken.as_str().unwrap_or_default().to_owned()
    }

    async fn element(&self, selector: &str) -> String {
        let found = self.post("element", json!({"using": "css selector", "value": selector})).await;
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no element {selector} in the page")).to_owned()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.send(Method::POST, path, Some(&body)).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        command(&self.client, method, &format!("{}/{path}", self.url), body).await
    }
}

async fn command(client: &Client, method: Method, url: &str, body: Option<&Value>) -> Value {
    let mut request = client.request(method, url);
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.expect("a response of chromedriver");
    let mut answer: Value = answer.json().await.expect("JSON of chromedriver");
    let value = answer["value"].take();
    if let Some(error) = value.get("error").filter(|_| value.get("stacktrace").is_some()) {
        let asked = body.map(|body| &body["script"]).and_then(Value::as_str).unwrap_or_default();
        panic!(
            "chromedriver error {error} at {url}: {} {asked}",
            value["message"].as_str().unwrap_or_default()
        );
    }
    value
}

fn chromium() -> Option<PathBuf> {
    let named = env::var_os("CHROMIUM").map(PathBuf::from);
    let folders = || env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let found = || {
        ["chromium", "google-chrome"].iter().flat_map(|name| folders().into_iter().map(move |f| f.join(name)))
    };
    named.or_else(|| found().find(|program| program.is_file()))
}
