//! Responses that a visitor requests and does not read: a page is bounded, so are the unread responses of one visitor,
//! and other visitors are served.

use serde_json::{Value, json};
use test_support::{eventually, within};
use tokio::io::AsyncReadExt;

use crate::api::{Fwo, OFF, OPEN, PATIENT, http::Request};

const VISITOR: &str = "203.0.113.9";
const PAGE_BYTES: usize = 64 * 1024;

/// A service behind a proxy that forwards the visitor's address, and a conversation with this many messages of maximum
/// length, in which each character is escaped: its token and path.
async fn conversation(messages: u32) -> (Fwo, String, String) {
    let fwo = Fwo::with(|config| config.trusted_proxies = "127.0.0.1".parse().unwrap()).await;
    let token = fwo.token(OFF).await;
    let opened = fwo.opens_conversation(&token).await;
    let path = format!("{OPEN}/{}/Messages", opened.member("conversation_sid"));
    for n in 0..messages {
        // Each from another address, to stay within the visitors' limits, which are not under test.
        let sent = Request::post(&path)
            .header("x-forwarded-for", format!("198.51.{}.{}", n / 250, n % 250))
            .bearer(&token)
            .json(&json!({ "body": "\"".repeat(4096) }))
            .send(fwo.running.address())
            .await;
        assert_eq!(sent.status, 201, "{}", sent.text);
    }
    (fwo, token, path)
}

fn list(path: &str, token: &str, visitor: &str) -> Request {
    Request::get(path).header("x-forwarded-for", visitor).bearer(token)
}

#[tokio::test]
async fn pages_end_before_64_kib_and_the_next_continues_there() {
    let (fwo, token, path) = conversation(20).await;
    let (mut indexes, mut pages) = (Vec::new(), Vec::new());
    loop {
        let after = indexes.last().map_or(String::new(), |last| format!("?after={last}"));
        let read = list(&format!("{path}{after}"), &token, VISITOR).send(fwo.running.address()).await;
        let messages = read.body()["messages"].as_array().unwrap().clone();
        if messages.is_empty() {
            break;
        }
        indexes.extend(messages.iter().map(|message| message["index"].as_u64().unwrap()));
        pages.push((messages.len(), read.text.len()));
    }
    assert_eq!(indexes, (0..=20).collect::<Vec<u64>>());
    let bytes_of_message = 2 * 4096 + 150;
    for (messages, bytes) in &pages[..pages.len() - 1] {
        assert!(
            *bytes <= PAGE_BYTES && *bytes > PAGE_BYTES - bytes_of_message,
            "{messages} in {bytes} bytes"
        );
    }
}

#[tokio::test]
async fn unread_responses_are_limited_to_256_kib_per_visitor() {
    let (fwo, token, path) = conversation(10).await;
    let (mut held, mut refused) = (Vec::new(), 0);
    for _ in 0..95 {
        let (connection, head) = list(&path, &token, VISITOR).leaves_unread(fwo.running.address()).await;
        if head.starts_with("HTTP/1.1 200 ") {
            held.push(connection);
            continue;
        }
        assert!(head.starts_with("HTTP/1.1 429 "), "{head}");
        assert!(
            head.contains("ratelimit-policy: \"answer_bytes\";q=262144;qu=\"content-bytes\"\r\n"),
            "{head}"
        );
        assert!(head.contains("retry-after: 1\r\n"), "{head}");
        refused += 1;
    }
    assert_eq!((held.len(), refused), (4, 91));
    let refusal = list(&path, &token, VISITOR).send(fwo.running.address()).await;
    refusal.is_refusal(429, "rate_limited");
    for neighbour in ["203.0.113.10", "2001:db8::1"] {
        assert_eq!(list(&path, &token, neighbour).send(fwo.running.address()).await.status, 200);
    }
    let metrics = Request::get("/metrics").send(fwo.running.admin_address).await.text;
    assert!(metrics.contains("answers_refused_total{share=\"visitor\"} 92\n"), "{metrics}");
    let held_bytes = held.len() * (PAGE_BYTES - 8400);
    let reserved = metrics.lines().find_map(|line| line.strip_prefix("answer_bytes ")).unwrap();
    assert!(reserved.parse::<usize>().unwrap() > held_bytes, "{reserved}");

    // Reading one response frees the budget for another.
    let mut read = held.pop().unwrap();
    let mut rest = Vec::new();
    let whole = async {
        while serde_json::from_slice::<Value>(&rest).is_err() {
            assert!(read.read_buf(&mut rest).await.unwrap() > 0);
        }
    };
    within(PATIENT, "the answer is complete", whole).await;
    let again = async || list(&path, &token, VISITOR).send(fwo.running.address()).await.status == 200;
    eventually(PATIENT, "an answer has room", again).await;
}

#[tokio::test]
async fn the_store_is_not_read_without_response_budget() {
    let (fwo, token, path) = conversation(10).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(list(&path, &token, VISITOR).leaves_unread(fwo.running.address()).await);
    }
    // The conversation does not exist; only the store can find that out.
    let absent = format!("{OPEN}/CH{:032}/Messages", 1);
    let refusal = list(&absent, &token, VISITOR).send(fwo.running.address()).await;
    refusal.is_refusal(429, "rate_limited");
    list(&absent, &token, "203.0.113.10").send(fwo.running.address()).await.is_refusal(404, "not_found");

    // Nor are the upstream services called.
    let address = fwo.running.address();
    fwo.federated_auth.kill().await;
    list(&path, &token, VISITOR).send(address).await.is_refusal(429, "rate_limited");
    list(&path, &token, "203.0.113.10").send(address).await.is_refusal(503, "upstream_unavailable");
}
