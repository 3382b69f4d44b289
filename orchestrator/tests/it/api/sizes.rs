//! Bounds of what a guest may write: a text, a body, a conversation, bytes per hour; and the size of a page of
//! messages.

use serde_json::{Value, json};

use crate::api::{
    CREATE, Fwo, INIT, OFF, OFF_LISTED, OPEN, REFRESH, REVOKE, SHOP, accounts, chrome,
    http::{Answer, Request},
    is_refused, messages,
};

const TEXT: usize = 32 * 1024;

/// A service whose deployments have these settings.
async fn with(settings: &str) -> Fwo {
    let text = accounts().replace("enabled =", &format!("{settings}\nenabled ="));
    Fwo::with(|config| std::fs::write(&config.accounts_file, text).unwrap()).await
}

async fn without_limits() -> Fwo {
    with(
        "guest_bytes_per_hour = 4294967295\nrate_limits = { visitor_messages_per_minute = 10000, \
          visitor_messages_burst = 10000, visitor_calls_per_minute = 10000 }",
    )
    .await
}

impl Fwo {
    /// A token and its conversation.
    async fn chat(&self) -> (String, String) {
        let token = self.token(OFF_LISTED).await;
        let sid = self.opens_conversation(&token).await.member("conversation_sid");
        (token, sid)
    }
}

fn is_limited(answer: &Answer, policy: &str) {
    is_refused(answer, 429, "rate_limited", SHOP);
    assert_eq!(answer.header("ratelimit-policy"), policy);
}

#[tokio::test]
async fn messages_are_plain_text_of_at_most_32_kib() {
    let fwo = Fwo::start().await;
    let (token, sid) = fwo.chat().await;
    for body in ["x".repeat(TEXT), "é".repeat(TEXT / 2), "\r\n\t".into(), " ".into()] {
        assert_eq!(fwo.says(&token, &sid, &json!({"body": body})).await.status, 201);
    }
    for body in [
        "x".repeat(TEXT + 1),
        "é".repeat(TEXT / 2 + 1),
        String::new(),
        "hunter2\u{0}".into(),
        "hunter2\u{1b}[2J".into(),
    ] {
        let refused = fwo.says(&token, &sid, &json!({"body": body})).await;
        is_refused(&refused, 400, "invalid_request", SHOP);
        assert!(refused.member("message").starts_with("`body` is malformed"), "{}", refused.text);
        refused.does_not_repeat("hunter2");
    }
}

#[tokio::test]
async fn the_longest_text_fits_in_every_encoding_and_other_bodies_are_limited_to_16_kib() {
    let fwo = Fwo::start().await;
    let (token, sid) = fwo.chat().await;
    let path = messages(&sid);
    let send = |content_type: &str, body: String| {
        fwo.answers(chrome(Request::post(&path)).bearer(&token).body(content_type, body))
    };
    let escaped = format!(r#"{{"body":"{}"}}"#, "\\u00e9".repeat(TEXT / 2));
    assert_eq!(send("application/json", escaped).await.status, 201);
    let form = format!("body={}", "%C3%A9".repeat(TEXT / 2));
    assert_eq!(send("application/x-www-form-urlencoded", form).await.status, 201);
    let padded = |length: usize| format!("{}{}", " ".repeat(length - 12), r#"{"body":"x"}"#);
    assert_eq!(send("application/json", padded(100 * 1024)).await.status, 201);
    let refused = send("application/json", padded(100 * 1024 + 1)).await;
    is_refused(&refused, 413, "payload_too_large", "*");
    assert_eq!(refused.member("message"), "The body is larger than 100 KiB.");
    for path in [CREATE, REFRESH, REVOKE, INIT, OPEN] {
        let form = format!("deploymentKey={OFF}&more={}", "x".repeat(16 * 1024));
        let refused = fwo.answers(chrome(Request::post(path)).bearer(&token).form(&form)).await;
        is_refused(&refused, 413, "payload_too_large", "*");
        assert_eq!(refused.member("message"), "The body is larger than 16 KiB.");
    }
}

#[tokio::test]
async fn message_rate_limit_errors_name_the_limit() {
    let fwo = Fwo::start().await;
    let (token, sid) = fwo.chat().await;
    let send = async || fwo.says(&token, &sid, &json!({"body": "x"})).await;
    let (mut served, mut refused) = (0, send().await);
    while refused.status == 201 && served < 100 {
        (served, refused) = (served + 1, send().await);
    }
    assert!((10..100).contains(&served), "{served}");
    is_limited(&refused, r#""visitor_messages";q=20;w=60"#);
    assert_eq!(fwo.reads(&token, &sid, "").await.status, 200, "reading goes on");
}

#[tokio::test]
async fn a_visitor_is_limited_to_a_share_of_the_deployments_bytes() {
    let fwo = with("guest_bytes_per_hour = 2097152").await;
    let (token, sid) = fwo.chat().await;
    let send = async |length: usize| fwo.says(&token, &sid, &json!({"body": "x".repeat(length)})).await;
    assert_eq!(send(TEXT - 512).await.status, 201, "the conversation is charged 512 bytes");
    let share = r#""visitor_guest_bytes";q=32768;w=3600;qu="content-bytes""#;
    is_limited(&send(1).await, share);
    is_limited(&fwo.opens_conversation(&token).await, share);
    let init = chrome(Request::post(INIT)).json(&json!({"deploymentKey": OFF_LISTED}));
    is_limited(&fwo.answers(init).await, share);
    assert_eq!(fwo.reads(&token, &sid, "").await.status, 200);
    assert_eq!(fwo.creates_token(OFF_LISTED).await.status, 200);
}

#[tokio::test]
async fn requests_that_store_nothing_consume_no_byte_budget() {
    let fwo = with("guest_bytes_per_hour = 2097152").await;
    let (token, sid) = fwo.chat().await;
    for _ in 0..3 {
        let long = fwo.says(&token, &sid, &json!({"body": "x".repeat(TEXT - 600) + "\u{0}"})).await;
        is_refused(&long, 400, "invalid_request", SHOP);
        let forged = fwo.says(&format!("{token}x"), &sid, &json!({"body": "x".repeat(TEXT - 600)})).await;
        assert_eq!(forged.status, 401);
    }
    assert_eq!(fwo.says(&token, &sid, &json!({"body": "x".repeat(TEXT - 600)})).await.status, 201);
}

#[tokio::test]
async fn a_full_conversation_can_be_continued_in_a_next_one() {
    let fwo = without_limits().await;
    let (token, sid) = fwo.chat().await;
    let body = json!({"body": "x".repeat(TEXT)});
    for _ in 0..32 {
        assert_eq!(fwo.says(&token, &sid, &body).await.status, 201);
    }
    for body in [&body, &json!({"body": "x"})] {
        is_refused(&fwo.says(&token, &sid, body).await, 409, "conversation_full", SHOP);
    }
    assert_eq!(fwo.reads(&token, &sid, "?after=31").await.status, 200);
    let next = fwo.opens_conversation(&token).await;
    assert_eq!(next.status, 201);
    let next = next.member("conversation_sid");
    assert_ne!(next, sid);
    assert_eq!(fwo.opens_conversation(&token).await.member("conversation_sid"), next);
    assert_eq!(fwo.says(&token, &next, &body).await.status, 201);
    let refreshed = fwo.refreshes_token(OFF_LISTED, &token).await;
    assert_eq!(refreshed.member("conversation_sid"), next, "the newest");
}

#[tokio::test]
async fn message_pages_hold_at_most_64_kib() {
    let fwo = without_limits().await;
    let (token, sid) = fwo.chat().await;
    for n in 0..30 {
        let body = format!("{n}{}", "\n\"é".repeat(1500));
        assert_eq!(fwo.says(&token, &sid, &json!({"body": body})).await.status, 201);
    }
    let (mut indexes, mut answers, mut query) = (Vec::new(), 0, String::new());
    loop {
        let answer = fwo.reads(&token, &sid, &query).await;
        assert!(answer.text.len() <= 64 * 1024, "{}", answer.text.len());
        let page: Vec<Value> = answer.body()["messages"].as_array().unwrap().clone();
        let Some(last) = page.last() else { break };
        query = format!("?after={}", last["index"]);
        answers += 1;
        indexes.extend(page.iter().map(|message| message["index"].as_u64().unwrap()));
    }
    assert_eq!(indexes, (0..=30).collect::<Vec<_>>());
    assert!((4..20).contains(&answers), "{answers}");
}
