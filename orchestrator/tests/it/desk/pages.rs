//! Lists: order, filters, sizes, and URLs that are followed literally.

use chrono::TimeDelta;
use serde_json::{Value, json};
use shared_types::{ConversationSid, Identity};
use test_support::http::Request;

use crate::desk::{CONVERSATIONS, KEY, Stack, form, items, opened, path_of, with_key, written};

const PAGE_BYTES: usize = 256 * 1024;

/// Follows `next_page_url` literally from `path` on: for each page its number of items and its length, and all values of
/// `member`.
async fn follow(stack: &Stack, path: &str, member: &str) -> (Vec<(usize, usize)>, Vec<Value>) {
    let (mut pages, mut values, mut next) = (Vec::new(), Vec::new(), path.to_owned());
    loop {
        let page = stack.desk_gets(&next).await;
        let found = items(&page);
        pages.push((found.len(), page.text.len()));
        values.extend(found.into_iter().map(|item| item[member].clone()));
        let meta = page.body()["meta"].clone();
        assert_eq!(path_of(stack, &meta["url"]).split('?').next(), path.split('?').next());
        if meta["next_page_url"].is_null() {
            return (pages, values);
        }
        next = path_of(stack, &meta["next_page_url"]);
    }
}

fn sid(number: u128) -> Value {
    json!(ConversationSid::from_bits(number))
}

#[tokio::test]
async fn pages_are_followed_to_the_end_and_keep_filters() {
    let stack = Stack::start().await;
    let store = stack.store().await;
    let (ada, bob) = (Identity::from_random([1; 16]), Identity::from_random([2; 16]));
    let first_day = stack.clock.now();
    // A second apart, except that two of each four are opened in the same one.
    for number in 1..=20 {
        opened(&store, number, if number % 2 == 0 { ada } else { bob }, None, &stack.clock).await;
        stack.clock.advance(TimeDelta::seconds(i64::from(number % 4 != 1)));
    }
    for number in [3, 4, 5, 10, 20] {
        let path = format!("{CONVERSATIONS}/{}", ConversationSid::from_bits(number));
        assert_eq!(stack.desk_posts(&path, &[("State", "closed")]).await.status, 200);
    }
    // Newest first; of one moment, by sid.
    let newest_first: Vec<Value> = (1..=20).rev().map(sid).collect();
    let of = |numbers: &[u128]| numbers.iter().copied().map(sid).collect::<Vec<_>>();
    let (pages, all) = follow(&stack, &format!("{CONVERSATIONS}?PageSize=7"), "sid").await;
    assert_eq!(all, newest_first);
    assert_eq!(pages.iter().map(|page| page.0).collect::<Vec<_>>(), [7, 7, 6]);
    let (pages, closed) = follow(&stack, &format!("{CONVERSATIONS}?State=closed&PageSize=2"), "sid").await;
    assert_eq!((pages.len(), closed), (3, of(&[20, 10, 5, 4, 3])));
    let of_ada = format!("/v1/ParticipantConversations?Identity={ada}&PageSize=3");
    let (pages, found) = follow(&stack, &of_ada, "conversation_sid").await;
    assert_eq!((pages.len(), found), (4, of(&[20, 18, 16, 14, 12, 10, 8, 6, 4, 2])));

    let second =
        |seconds: i64| (first_day + TimeDelta::seconds(seconds)).format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let dates = form(&[("StartDate", &second(3)), ("EndDate", &second(6)), ("PageSize", "2")]);
    let (_, between) = follow(&stack, &format!("{CONVERSATIONS}?{dates}"), "sid").await;
    let (_, dates) = follow(&stack, &format!("{CONVERSATIONS}?PageSize=100"), "date_created").await;
    let is_between = |date: &Value| (second(3)..=second(6)).contains(&date.as_str().unwrap().to_owned());
    let expected: Vec<_> = newest_first.iter().zip(&dates).filter(|(_, date)| is_between(date)).collect();
    let expected: Vec<_> = expected.into_iter().map(|(sid, _)| sid.clone()).collect();
    assert!((3..18).contains(&expected.len()), "{expected:?}");
    assert_eq!(between, expected);
    let day = first_day.format("%Y-%m-%d").to_string();
    for (query, count) in [(format!("StartDate={day}"), 20), (format!("EndDate={}", "1999-01-01"), 0)] {
        assert_eq!(
            follow(&stack, &format!("{CONVERSATIONS}?{query}"), "sid").await.1.len(),
            count,
            "{query}"
        );
    }
}

#[tokio::test]
async fn messages_are_listed_in_both_orders() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    let conversation = guest.conversation.parse().unwrap();
    written(&stack.store().await, conversation, (1..250).map(|n| n.to_string()), &stack.clock).await;
    for (query, size, pages) in [
        ("PageSize=1000", 100, 3),
        ("Order=asc&PageSize=100", 100, 3),
        ("Order=asc", 50, 5),
        ("Order=desc&PageSize=99", 99, 3),
        ("PageSize=0&Order=desc", 1, 250),
        ("PageSize=18446744073709551615", 100, 3),
    ] {
        let path = format!("{}?{query}", guest.messages());
        assert_eq!(stack.desk_gets(&path).await.body()["meta"]["page_size"], size, "{query}");
        let (found, indexes) = follow(&stack, &path, "index").await;
        let mut expected: Vec<Value> = (0..250).map(Value::from).collect();
        if query.contains("desc") {
            expected.reverse();
        }
        assert_eq!((found.len(), indexes), (pages, expected), "{query}");
    }
}

#[tokio::test]
async fn what_is_written_meanwhile_repeats_and_hides_nothing() {
    let stack = Stack::start().await;
    let (first, second, third) = (stack.guest().await, stack.guest().await, stack.guest().await);
    let page = stack.desk_gets(&format!("{CONVERSATIONS}?PageSize=1")).await;
    assert_eq!(page.body()["meta"]["page_size"], 1);
    let listed: Vec<_> =
        items(&stack.desk_gets(CONVERSATIONS).await).iter().map(|c| c["sid"].clone()).collect();
    stack.clock.advance(TimeDelta::seconds(1));
    let _newer = stack.guest().await;
    assert_eq!(items(&page)[0]["sid"], listed[0]);
    // The next page starts at this one, which is gone then.
    let gone =
        [&first, &second, &third].into_iter().find(|guest| json!(guest.conversation) == listed[1]).unwrap();
    assert_eq!(stack.desk_deletes(&gone.path()).await.status, 204);
    let next = path_of(&stack, &page.body()["meta"]["next_page_url"]);
    let (_, rest) = follow(&stack, &next, "sid").await;
    assert_eq!(rest, listed[2..]);
}

#[tokio::test]
async fn pages_end_before_256_kib() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    let store = stack.store().await;
    // Each byte of the text takes two in JSON.
    let bodies = (0..30).map(|n| "\"".repeat(if n == 12 { 32 * 1024 } else { 16_000 }));
    written(&store, guest.conversation.parse().unwrap(), bodies, &stack.clock).await;
    let (pages, indexes) = follow(&stack, &format!("{}?PageSize=100", guest.messages()), "index").await;
    assert_eq!(indexes, (0..=30).map(Value::from).collect::<Vec<_>>());
    for (number, bytes) in &pages[..pages.len() - 1] {
        assert!((PAGE_BYTES - 2 * 40_000..=PAGE_BYTES).contains(bytes), "{number} items in {bytes} bytes");
    }

    let form = json!({ "text": "\"".repeat(15_000) }).to_string();
    for number in 1..=30 {
        opened(&store, number, Identity::from_random([1; 16]), Some(form.clone()), &stack.clock).await;
    }
    let (pages, found) = follow(&stack, &format!("{CONVERSATIONS}?PageSize=100"), "sid").await;
    assert_eq!(found.len(), 31);
    for (number, bytes) in &pages[..pages.len() - 1] {
        assert!((PAGE_BYTES - 80_000..=PAGE_BYTES).contains(bytes), "{number} items in {bytes} bytes");
    }
}

#[tokio::test]
async fn urls_are_under_the_configured_url() {
    let stack =
        Stack::with(|config| config.desk_url = Some("https://desk.example.com/chat/".to_owned())).await;
    let guest = stack.guest().await;
    let body = stack.desk_gets(&guest.path()).await.body();
    assert_eq!(body["url"], format!("https://desk.example.com/chat{}", guest.path()));
    let meta = stack.desk_gets(&format!("{}?PageSize=1", guest.messages())).await.body()["meta"].clone();
    assert_eq!(meta["url"], format!("https://desk.example.com/chat{}?PageSize=1", guest.messages()));

    // Otherwise under the request's own.
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    let url = format!("http://{}{}", stack.desk(), guest.path());
    let request = with_key(Request::get(&guest.path()), KEY);
    let raw = String::from_utf8(request.header("connection", "close").bytes()).unwrap();
    let raw = raw.replace("host: service", &format!("host: {}", stack.desk()));
    let answer = sends_raw(&stack, &raw).await;
    assert!(answer.contains(&format!(r#""url":"{url}""#)), "{answer}");
    let long = raw.replace(&format!("host: {}", stack.desk()), &format!("host: {}", "x".repeat(200)));
    let refused = sends_raw(&stack, &long).await;
    assert!(refused.starts_with("HTTP/1.1 400 ") && refused.contains(r#""code":20001"#), "{refused}");
}

async fn sends_raw(stack: &Stack, bytes: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let mut connection = tokio::net::TcpStream::connect(stack.desk()).await.unwrap();
    connection.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}
