//! The verifiers and the WebSocket server of `docs/in-front-of-your-chat.md`, with libraries that are not ours.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use chrono::TimeDelta;
use serde_json::json;
use test_support::{eventually, http::Request, scripted_peer::ClosedPort, services::ISSUER};
use tokio::net::TcpStream;

use super::{
    Guest, Stack,
    verify_assertion::{Expected, verify},
};
use crate::{
    api::{AUDIENCE, OFF, ON},
    desk::python,
};

const ACCOUNT: &str = "AC00000000000000000000000000000001";

/// The examples in a language, in order.
pub(super) fn examples(language: &str) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/in-front-of-your-chat.md");
    let document = std::fs::read_to_string(path).unwrap();
    let start = format!("```{language}\n");
    document.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

impl Guest<'_> {
    pub(super) async fn assertion(&self) -> String {
        let request = self.sends(Request::post("/v2/Webchat/Token/Assertion"));
        let request = request.json(&json!({ "audience": AUDIENCE }));
        request.send(self.stack.running.address()).await.member("assertion")
    }
}

fn with_environment<'c>(command: &'c mut Command, stack: &Stack, audience: &str) -> &'c mut Command {
    command
        .env("KEYS_URL", format!("http://{}/.well-known/jwks.json", stack.running.address()))
        .env("ISSUER", ISSUER)
        .env("AUDIENCE", audience)
        .env("ACCOUNT_SID", ACCOUNT)
}

/// Passes each assertion to a program as a line; returns the lines that it prints.
async fn verdicts(mut command: Command, assertions: Vec<String>) -> Vec<String> {
    tokio::task::spawn_blocking(move || {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = command.spawn().unwrap();
        let mut input = program.stdin.take().unwrap();
        input.write_all(assertions.join("\n").as_bytes()).unwrap();
        drop(input);
        let output = program.wait_with_output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    })
    .await
    .unwrap()
}

async fn accepts_only_assertions_for_it(command: impl Fn() -> Command) {
    let stack = Stack::start().await;
    stack.clock.advance(TimeDelta::seconds(-120));
    let expired = stack.guest(ON).await.assertion().await;
    stack.clock.advance(TimeDelta::seconds(120));
    let guest = stack.guest(ON).await;
    let good = guest.assertion().await;
    let another = guest.assertion().await;
    let of_another_account = stack.guest(OFF).await.assertion().await;
    let (signed, signature) = another.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    let tampered = format!("{signed}.{flipped}{}", &signature[1..]);
    let lines =
        vec![good.clone(), good, tampered, expired, of_another_account, guest.token.clone(), "x".to_owned()];
    let mut program = command();
    with_environment(&mut program, &stack, AUDIENCE);
    let rejected = "rejected";
    let expected = [&guest.identity, rejected, rejected, rejected, rejected, rejected, rejected];
    assert_eq!(verdicts(program, lines).await, expected);
    let mut program = command();
    with_environment(&mut program, &stack, "https://orders.example.com");
    assert_eq!(verdicts(program, vec![another]).await, [rejected], "for another audience");
}

#[tokio::test]
async fn the_verifier_in_python_accepts_only_assertions_for_it() {
    let driver = "\nimport sys\nfor line in sys.stdin:\n    try:\n        print(verify(line.strip())['sub'])\n    \
                  except jwt.PyJWTError:\n        print('rejected')\n";
    let program = examples("python")[0].clone() + driver;
    accepts_only_assertions_for_it(|| {
        let mut command = Command::new(python());
        command.args(["-Bc", &program]);
        command
    })
    .await;
}

#[tokio::test]
async fn the_verifier_in_node_accepts_only_assertions_for_it() {
    let driver = "\nimport { createInterface } from 'node:readline';\n\
                  for await (const line of createInterface({ input: process.stdin })) {\n  \
                  console.log(await verify(line).then(({ sub }) => sub, () => 'rejected'));\n}\n";
    let example = examples("js").into_iter().find(|example| example.contains("jwtVerify")).unwrap();
    let program = example + driver;
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/node"].iter().collect();
    accepts_only_assertions_for_it(|| {
        let mut command = Command::new("node");
        command.args(["--input-type=module", "--eval", &program]).current_dir(&folder);
        command
    })
    .await;
}

#[tokio::test]
async fn the_verifier_in_rust_accepts_only_assertions_for_it() {
    let stack = Stack::start().await;
    let guest = stack.guest(ON).await;
    let assertion = guest.assertion().await;
    let keys = Request::get("/.well-known/jwks.json").send(stack.running.address()).await.body();
    let now = stack.clock.now().timestamp();
    let expected = || Expected { issuer: ISSUER, audience: AUDIENCE, account_sid: ACCOUNT, now };
    assert_eq!(verify(&assertion, &keys, &expected()).unwrap()["sub"], guest.identity);
    let other = "https://orders.example.com";
    for unexpected in [
        Expected { issuer: other, ..expected() },
        Expected { audience: other, ..expected() },
        Expected { account_sid: "AC00000000000000000000000000000002", ..expected() },
        Expected { now: now + 61, ..expected() },
    ] {
        assert_eq!(verify(&assertion, &keys, &unexpected), None);
    }
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    for forged in [&format!("{signed}.{flipped}{}", &signature[1..]), &guest.token, "", "a.b.c"] {
        assert_eq!(verify(forged, &keys, &expected()), None, "{forged}");
    }
    assert_eq!(verify(&assertion, &json!({ "keys": [] }), &expected()), None);
    let (_, shown) = include_str!("verify_assertion.rs").split_once("\n\n").unwrap();
    assert_eq!(examples("rust")[0], shown.replace("pub(crate) ", "pub "));
}

/// The WebSocket server; killed on drop.
struct ChatServer {
    process: Child,
    url: String,
}

impl Drop for ChatServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl ChatServer {
    async fn start(stack: &Stack, fresh_seconds: &str) -> Self {
        let examples = examples("python");
        let port = ClosedPort::reserve().address;
        let mut command = Command::new(python());
        with_environment(&mut command, stack, AUDIENCE)
            .args(["-Bc", &format!("{}\n{}", examples[0], examples[1])])
            .env("ALLOWED_ORIGINS", "https://shop.example.com")
            .env("FRESH_SECONDS", fresh_seconds)
            .env("PORT", port.port().to_string())
            .stderr(Stdio::null());
        let server = Self { process: command.spawn().unwrap(), url: format!("ws://{port}/chat") };
        let listens = async || TcpStream::connect(port).await.is_ok();
        eventually(Duration::from_secs(30), "the server listens", listens).await;
        server
    }

    /// Connects with these subprotocols, sends these texts, and returns what was received, up to the end.
    async fn talk(&self, origin: &str, subprotocols: &[&str], texts: &[&str]) -> String {
        let client = "import json, sys\nfrom websockets.sync.client import connect\n\
                      from websockets.exceptions import ConnectionClosed, InvalidStatus\n\
                      url, origin, subprotocols, texts = sys.argv[1], sys.argv[2], *map(json.loads, sys.argv[3:])\n\
                      try:\n    with connect(url, origin=origin, subprotocols=subprotocols, proxy=None) as socket:\n        \
                      print(socket.subprotocol)\n        for text in texts:\n            socket.send(text)\n            \
                      if not text.startswith('assertion.'): print(socket.recv())\n        socket.recv()\n\
                      except ConnectionClosed as closed: print(closed.rcvd.code, closed.rcvd.reason)\n\
                      except InvalidStatus as refused: print(refused.response.status_code)\n";
        let mut command = Command::new(python());
        command.args(["-Bc", client, &self.url, origin]);
        command.args([json!(subprotocols).to_string(), json!(texts).to_string()]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

#[tokio::test]
async fn the_websocket_server_serves_only_guests_with_fresh_assertions() {
    const SHOP: &str = "https://shop.example.com";
    let stack = Stack::start().await;
    let server = ChatServer::start(&stack, "2").await;
    let guest = stack.guest(ON).await;
    let identity = &guest.identity;
    let first = format!("assertion.{}", guest.assertion().await);
    let talk = server.talk(SHOP, &["webchat.v1", &first], &["hello"]).await;
    let expected = format!("webchat.v1\n{identity}: hello\n4401 a new assertion is due\n");
    assert_eq!(talk, expected, "without a new assertion it ends");

    let repeated = server.talk(SHOP, &["webchat.v1", &first], &["hello"]).await;
    assert!(repeated.contains("4401 no valid assertion") && !repeated.contains("hello"), "{repeated}");
    let without = server.talk(SHOP, &["webchat.v1"], &["hello"]).await;
    assert!(without.contains("4401 no valid assertion") && !without.contains("hello"), "{without}");
    let with_token =
        server.talk(SHOP, &["webchat.v1", &format!("assertion.{}", guest.token)], &["hello"]).await;
    assert!(with_token.contains("4401 no valid assertion"), "{with_token}");
    let elsewhere = format!("assertion.{}", guest.assertion().await);
    assert_eq!(server.talk("https://evil.example", &["webchat.v1", &elsewhere], &[]).await, "403\n");

    let [begins, continues] = [guest.assertion().await, guest.assertion().await];
    let of_another = stack.guest(ON).await.assertion().await;
    let [begins, continues, of_another] =
        [begins, continues, of_another].map(|assertion| format!("assertion.{assertion}"));
    let texts = ["one", &continues, "two", &of_another];
    let talk = server.talk(SHOP, &["webchat.v1", &begins], &texts).await;
    let expected = format!("webchat.v1\n{identity}: one\n{identity}: two\n4401 no valid assertion\n");
    assert_eq!(talk, expected, "an assertion of another guest ends it");
}
