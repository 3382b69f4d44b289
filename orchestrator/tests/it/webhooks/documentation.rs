//! `docs/webhooks.md`: its receivers accept what the service signs and nothing else, and its bridge loses nothing.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use chrono::{DateTime, TimeDelta, Utc};
use orchestrator::{
    clients::{
        WebhookClient,
        webhook::{AttemptError, Post, system_lookup},
    },
    webhooks::signature::SigningSecrets,
};
use serde_json::{Value, json};
use service_runtime::Clock;
use test_support::{eventually, http::Request, scripted_peer::ClosedPort};
use tokio::net::TcpStream;

use super::{OLD_SECRET, SECRET, SOON, stack, verify::is_authentic};
use crate::desk::{KEY, python};

const BODY: &[u8] = br#"{"type":"message.added","timestamp":"2026-11-30T10:13:20.000Z","data":{"index":1}}"#;

fn repository(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", path].iter().collect()
}

fn example(language: &str) -> String {
    let document = std::fs::read_to_string(repository("docs/webhooks.md")).unwrap();
    let start = format!("```{language}\n");
    let rest = document.split_once(&start).unwrap_or_else(|| panic!("no example in {language}")).1;
    rest.split("```").next().unwrap().to_owned()
}

/// A program that listens on `port`; killed on drop.
struct Listening {
    port: SocketAddr,
    process: Child,
}

impl Listening {
    async fn start(command: &mut Command, port: SocketAddr) -> Self {
        let process = command.env("PORT", port.port().to_string()).stdout(Stdio::null());
        let process = process.stderr(Stdio::null()).spawn().unwrap();
        eventually(SOON, "the program listens", async || TcpStream::connect(port).await.is_ok()).await;
        Self { port, process }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Posts a body that is signed with these secrets at this time, and delivered as another one if `delivered` says so.
async fn post(receiver: &Listening, secrets: &str, at: DateTime<Utc>, delivered: &[u8]) -> Option<u16> {
    let client = WebhookClient::new(true, system_lookup()).unwrap();
    let secrets: SigningSecrets = secrets.parse().unwrap();
    let id = "msg_1".to_owned();
    let signature = secrets.sign(&id, at, BODY);
    let post = Post { id, timestamp: at, signature, body: delivered.to_vec() };
    let url = format!("http://{}/hook", receiver.port).parse().unwrap();
    match client.post(&url, post, at).await {
        Ok(()) => None,
        Err(AttemptError::Rejected { status, .. }) => Some(status),
        Err(error) => panic!("{error}"),
    }
}

async fn accepts_only_authentic_webhooks(receiver: Listening) {
    let now = Clock::system().now();
    assert_eq!(post(&receiver, SECRET, now, BODY).await, None);
    let both = format!("{OLD_SECRET}\n{SECRET}");
    assert_eq!(post(&receiver, &both, now, BODY).await, None, "while a secret is replaced");
    assert_eq!(post(&receiver, OLD_SECRET, now, BODY).await, Some(401), "another secret");
    assert_eq!(post(&receiver, SECRET, now, &BODY[1..]).await, Some(401), "another body");
    for minutes in [-6, 6] {
        let other = now + TimeDelta::minutes(minutes);
        assert_eq!(post(&receiver, SECRET, other, BODY).await, Some(401), "{minutes} minutes off");
    }
}

#[tokio::test]
async fn the_receiver_in_python_verifies() {
    let mut command = Command::new(python());
    command.args(["-Bc", &example("python")]).env("SIGNING_SECRET", SECRET);
    let port = ClosedPort::reserve().address;
    accepts_only_authentic_webhooks(Listening::start(&mut command, port).await).await;
}

#[tokio::test]
async fn the_receiver_in_node_verifies() {
    let folder = repository("orchestrator/tests/node");
    let mut command = Command::new("node");
    command.args(["--input-type=module", "--eval", &example("js")]).current_dir(folder);
    command.env("SIGNING_SECRET", SECRET);
    let port = ClosedPort::reserve().address;
    accepts_only_authentic_webhooks(Listening::start(&mut command, port).await).await;
}

#[test]
fn the_function_in_rust_verifies() {
    let now = Clock::system().now();
    let sign = |secret: &str| secret.parse::<SigningSecrets>().unwrap().sign("msg_1", now, BODY);
    let timestamp = now.timestamp().to_string();
    let verify = |signature: &str, body: &[u8], now: i64| {
        is_authentic(SECRET, "msg_1", &timestamp, signature, body, now)
    };
    let seconds = now.timestamp();
    assert!(verify(&sign(SECRET), BODY, seconds));
    assert!(verify(&sign(&format!("{OLD_SECRET}\n{SECRET}")), BODY, seconds));
    assert!(!verify(&sign(OLD_SECRET), BODY, seconds));
    assert!(!verify(&sign(SECRET), &BODY[1..], seconds));
    assert!(!verify(&sign(SECRET), BODY, seconds + 301));
    assert!(!verify(&sign(SECRET), BODY, seconds - 301));
    assert!(!is_authentic(SECRET, "msg_2", &timestamp, &sign(SECRET), BODY, seconds));
    let (_, shown) = include_str!("verify.rs").split_once("\n\n").unwrap();
    assert_eq!(example("rust"), shown.replace("pub(crate)", "pub"));
}

#[tokio::test]
async fn the_bridge_survives_restarts_of_either_side() {
    let [bridge_port, second_port] = [ClosedPort::reserve().address, ClosedPort::reserve().address];
    let stack = stack(&format!("http://{bridge_port}/hook")).await;
    let folder = stack.data.path();
    let start_second = async || {
        let mut command = Command::new(python());
        command.arg(repository("orchestrator/tests/webhooks/second_desk.py"));
        command.env("SECOND_DESK_FILE", folder.join("second-desk.json"));
        Listening::start(&mut command, second_port).await
    };
    let start_bridge = async || {
        let mut command = Command::new(python());
        command
            .arg("-B")
            .arg(repository("docs/examples/webhook-bridge.py"))
            .env("API_KEY", KEY.0)
            .env("API_SECRET", KEY.1)
            .env("DESK_URL", format!("http://{}", stack.desk()))
            .env("SECOND_DESK_URL", format!("http://{second_port}"))
            .env("SIGNING_SECRET", SECRET)
            .env("BRIDGE_DATABASE", folder.join("bridge.db"));
        Listening::start(&mut command, bridge_port).await
    };
    let forwarded = async || -> Vec<String> {
        let messages = Request::get("/messages").send(second_port).await.body();
        let texts = messages.as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap());
        texts.map(str::to_owned).collect()
    };
    let mut second = start_second().await;
    let mut bridge = start_bridge().await;
    let guest = stack.guest().await;
    let reply = async |text: &str| {
        let reply = json!({ "ticket": guest.conversation, "author": "Bob", "text": text });
        assert_eq!(Request::post("/replies").json(&reply).send(second_port).await.status, 201);
    };
    guest.says("one").await;
    eventually(SOON, "the first message is forwarded", async || forwarded().await == ["one"]).await;
    reply("first reply").await;

    drop(bridge);
    guest.says("two").await;
    reply("second reply").await;
    bridge = start_bridge().await;
    eventually(SOON, "what happened without the bridge", async || forwarded().await == ["one", "two"]).await;

    drop(second);
    guest.says("three").await;
    second = start_second().await;
    let all = async || forwarded().await == ["one", "two", "three"];
    eventually(SOON, "what happened without the second desk", all).await;
    drop(bridge);
    bridge = start_bridge().await;
    reply("third reply").await;
    guest.says("four").await;
    eventually(SOON, "everything", async || forwarded().await.len() == 4).await;

    let replies = async || -> Vec<Value> {
        let messages = stack.desk_gets(&guest.messages()).await.body();
        let messages = messages["messages"].as_array().unwrap().clone();
        messages.into_iter().filter(|m| m["author"] == "Bob").map(|m| m["body"].clone()).collect()
    };
    let expected = ["first reply", "second reply", "third reply"];
    eventually(SOON, "all replies, once and in order", async || replies().await == expected).await;
    drop((bridge, second));
}
