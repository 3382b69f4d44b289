//! The recipes of `docs/in-front-of-your-chat.md` in real proxies: what reaches the server behind them, and what does not.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use test_support::{
    eventually,
    http::{Answer, Request},
    scripted_peer::{Act, ClosedPort, ScriptedPeer},
};
use tokio::net::TcpStream;

use super::{Guest, SECRET, Stack, verification::examples};
use crate::api::{AUDIENCE, ON};

const HOST: &str = "https://api.example.com";
const SECRET_OF_THE_RECIPE: &str = "the-secret-of-this-proxy";

/// A proxy with a recipe, and the server behind it.
struct Proxy {
    address: SocketAddr,
    server: ScriptedPeer,
    process: Child,
    _folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The parts of the recipe in this language, for these addresses.
fn recipe(language: &str, authorize: SocketAddr, server: SocketAddr) -> Vec<String> {
    let parts = examples(language);
    for placeholder in ["127.0.0.1:8084", "127.0.0.1:3000", SECRET_OF_THE_RECIPE] {
        assert!(parts.iter().any(|part| part.contains(placeholder)), "{placeholder}");
    }
    let adapt = |part: String| {
        part.replace("127.0.0.1:8084", &authorize.to_string())
            .replace("127.0.0.1:3000", &server.to_string())
            .replace(SECRET_OF_THE_RECIPE, SECRET)
    };
    parts.into_iter().map(adapt).collect()
}

impl Proxy {
    async fn nginx(stack: &Stack) -> Self {
        Self::start("nginx", stack, |folder, address, recipe| {
            let [upstream, locations] = recipe.try_into().unwrap();
            // nginx cannot answer every question with an assertion unless it names an audience.
            let locations = locations.replace("?only=401,403;", &format!("?only=401,403&audience={AUDIENCE};"));
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|name| format!("{name}_temp_path {};\n", folder.join(name).display()))
                .concat();
            let configuration = format!(
                "daemon off;\nmaster_process off;\npid {pid};\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n\
                 {temporary}{upstream}server {{\nlisten {address};\n{locations}}}\n}}\n",
                pid = folder.join("pid").display(),
            );
            std::fs::write(folder.join("nginx.conf"), configuration).unwrap();
            let mut command = Command::new("nginx");
            command.args(["-e", "stderr", "-c"]).arg(folder.join("nginx.conf")).arg("-p").arg(folder);
            command
        })
        .await
    }

    async fn caddy(stack: &Stack) -> Self {
        Self::start("caddyfile", stack, |folder, address, recipe| {
            let recipe = recipe.concat();
            let options = "{\n\tadmin off\n\tauto_https off\n}\n";
            let configuration = format!("{options}:{} {{\n\tbind 127.0.0.1\n{recipe}}}\n", address.port());
            std::fs::write(folder.join("Caddyfile"), configuration).unwrap();
            let mut command = Command::new("caddy");
            command.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.join("Caddyfile"));
            command.env("HOME", folder);
            command
        })
        .await
    }

    async fn start(
        language: &str,
        stack: &Stack,
        command: impl FnOnce(&Path, SocketAddr, Vec<String>) -> Command,
    ) -> Self {
        let server = ScriptedPeer::that(Act::json(200, r#"{"ok":true}"#)).await;
        let (folder, address) = (tempfile::tempdir().unwrap(), ClosedPort::reserve().address);
        let recipe = recipe(language, stack.proxies(), server.address);
        let process = command(folder.path(), address, recipe)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let soon = Duration::from_secs(30);
        let proxy = Self { address, server, process, _folder: folder };
        eventually(soon, "the proxy listens", async || TcpStream::connect(address).await.is_ok()).await;
        proxy
    }

    async fn answers(&self, request: Request) -> Answer {
        request.send(self.address).await
    }

    /// The last request that reached the server.
    fn last(&self) -> String {
        self.server.seen().last().cloned().unwrap_or_default().to_ascii_lowercase()
    }
}

/// Asserts that the answer is this refusal, and that the server saw nothing.
#[track_caller]
fn is_stopped(proxy: &Proxy, answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert!(!answer.text.contains("\"ok\""));
    assert_eq!(proxy.server.seen().len(), 0, "{:?}", proxy.server.seen());
}

/// A request of the guest with a proof for another one.
fn with_proof_for(guest: &Guest<'_>, method: &str, url: &str) -> Request {
    guest.proves(Request::post("/orders/7"), method, url)
}

async fn attackers_are_stopped(stack: &Stack, proxy: Proxy) {
    let guest = stack.guest_with_key(ON).await;
    let url = &format!("{HOST}/orders/7");
    is_stopped(&proxy, &proxy.answers(Request::post("/orders/7")).await, 401);
    // A stolen token, without the key.
    is_stopped(&proxy, &proxy.answers(guest.sends(Request::post("/orders/7"))).await, 401);
    let thief = stack.guest_with_key(ON).await;
    let by_thief = Request::post("/orders/7").bearer(&guest.token).header("dpop", thief.proof("POST", url));
    is_stopped(&proxy, &proxy.answers(crate::api::chrome(by_thief)).await, 401);
    // An assertion, which is no token here.
    let assertion = stack.guest(ON).await.assertion().await;
    let with_assertion = crate::api::chrome(Request::post("/orders/7")).bearer(&assertion);
    is_stopped(&proxy, &proxy.answers(with_assertion).await, 401);
    // Another method, path and host.
    is_stopped(&proxy, &proxy.answers(with_proof_for(&guest, "GET", url)).await, 401);
    is_stopped(
        &proxy,
        &proxy.answers(with_proof_for(&guest, "POST", &format!("{HOST}/orders/8"))).await,
        401,
    );
    let elsewhere = with_proof_for(&guest, "POST", "https://other.example.com/orders/7");
    is_stopped(&proxy, &proxy.answers(elsewhere).await, 401);
    // Reports of the guest's own.
    for (name, value) in [
        ("x-original-method", "OPTIONS"),
        ("x-original-url", "https://other.example.com/orders/7"),
        ("x-forwarded-uri", "/orders/8"),
        ("x-forwarded-method", "GET"),
        ("x-forwarded-host", "other.example.com"),
        ("x-http-method-override", "GET"),
    ] {
        let smuggled =
            with_proof_for(&guest, "GET", "https://other.example.com/orders/8").header(name, value);
        is_stopped(&proxy, &proxy.answers(smuggled).await, 401);
    }
    // A replayed proof.
    let request = with_proof_for(&guest, "POST", url);
    assert_eq!(proxy.answers(request.clone()).await.status, 200);
    assert_eq!(proxy.answers(request).await.status, 401);
    assert_eq!(proxy.server.seen().len(), 1);
    stack.ends_session_of(&guest).await;
    let ended = with_proof_for(&guest, "POST", url);
    assert_eq!(proxy.answers(ended).await.status, 401);
    assert_eq!(proxy.server.seen().len(), 1);
}

async fn the_server_reads_who_the_guest_is(stack: &Stack, proxy: Proxy) {
    let guest = stack.guest_with_key(ON).await;
    for conversation in [false, true] {
        let conversation = if conversation { guest.opens().await } else { "none".to_owned() };
        let forged = [
            "identity",
            "session",
            "conversation",
            "deployment",
            "assertion",
            "code",
            "options",
            "proxy-secret",
        ]
        .iter()
        .fold(with_proof_for(&guest, "POST", &format!("{HOST}/orders/7")), |request, name| {
            let name = format!("x-webchat-{name}");
            request.header(&name, "forged").header(&name.replace('-', "_"), "forged")
        });
        let answer = proxy.answers(forged.header("x-http-method-override", "forged")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let seen = proxy.last();
        assert!(!seen.contains("forged"), "{seen}");
        assert!(!seen.contains(&guest.token.to_ascii_lowercase()) && !seen.contains("dpop:"), "{seen}");
        assert!(!seen.contains(SECRET), "{seen}");
        for (name, value) in [
            ("identity", guest.identity.as_str()),
            ("conversation", &conversation.to_ascii_lowercase()),
            ("deployment", &ON.to_ascii_lowercase()),
        ] {
            let header = format!("x-webchat-{name}: {value}\r\n");
            assert_eq!(seen.matches(&header).count(), 1, "{header} {seen}");
        }
        let assertion = seen.lines().find_map(|line| line.strip_prefix("x-webchat-assertion: ")).unwrap();
        assert_eq!(assertion.split('.').count(), 3);
        assert!(seen.starts_with("post /orders/7 http/1."), "{seen}");
    }
}

#[tokio::test]
async fn nginx_stops_attackers() {
    let stack = Stack::start().await;
    attackers_are_stopped(&stack, Proxy::nginx(&stack).await).await;
}

#[tokio::test]
async fn nginx_names_the_guest() {
    let stack = Stack::start().await;
    the_server_reads_who_the_guest_is(&stack, Proxy::nginx(&stack).await).await;
}

#[tokio::test]
async fn caddy_stops_attackers() {
    let stack = Stack::start().await;
    attackers_are_stopped(&stack, Proxy::caddy(&stack).await).await;
}

#[tokio::test]
async fn caddy_names_the_guest() {
    let stack = Stack::start().await;
    the_server_reads_who_the_guest_is(&stack, Proxy::caddy(&stack).await).await;
}
