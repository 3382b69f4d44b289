//! Limits of a key's calls, of wrong credentials, and of responses that a desk does not read.

use test_support::{eventually, http::Request, services::PATIENT};

use crate::desk::{CONVERSATIONS, KEY, SLOW, Stack, WRITER, is_error, with_key, written};

#[tokio::test]
async fn a_key_makes_its_calls_per_minute() {
    let stack = Stack::start().await;
    let reads = |key| stack.sends(with_key(Request::get(CONVERSATIONS), key));
    for _ in 0..3 {
        assert_eq!(reads(SLOW).await.status, 200);
    }
    let refused = reads(SLOW).await;
    is_error(&refused, 429, 20429);
    assert_eq!(refused.header("retry-after"), "20");
    assert_eq!(refused.header("ratelimit-policy"), r#""api_key_calls";q=3;w=60"#);
    assert_eq!(reads(KEY).await.status, 200, "another key");
    stack.clock.advance(chrono::TimeDelta::seconds(20));
    assert_eq!(reads(SLOW).await.status, 200);
    is_error(&reads(SLOW).await, 429, 20429);
}

#[tokio::test]
async fn wrong_credentials_are_limited_by_address_and_correct_ones_are_served() {
    let stack = Stack::with(|config| config.trusted_proxies = "127.0.0.1".parse().unwrap()).await;
    let tries = async |address: &str, key| {
        let request = Request::get(CONVERSATIONS).header("x-forwarded-for", address);
        stack.sends(with_key(request, key)).await
    };
    let wrong = (KEY.0, "wrong");
    for _ in 0..10 {
        is_error(&tries("203.0.113.9", wrong).await, 401, 20003);
    }
    let refused = tries("203.0.113.9", wrong).await;
    is_error(&refused, 429, 20429);
    assert_eq!(refused.header("ratelimit-policy"), r#""refused_credentials";q=10;w=60"#);
    is_error(&tries("203.0.113.9", ("SK0000000000000000000000000000ffff", "wrong")).await, 429, 20429);
    for address in ["203.0.113.9", "203.0.113.10"] {
        assert_eq!(tries(address, KEY).await.status, 200, "{address}");
    }
    is_error(&tries("203.0.113.10", wrong).await, 401, 20003);
    stack.clock.advance(chrono::TimeDelta::seconds(6));
    is_error(&tries("203.0.113.9", wrong).await, 401, 20003);
}

#[tokio::test]
async fn unread_responses_of_a_key_are_limited_to_1_mib() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    let bodies = (0..8).map(|_| "\"".repeat(16_000));
    written(&stack.store().await, guest.conversation.parse().unwrap(), bodies, &stack.clock).await;
    let list = || with_key(Request::get(&guest.messages()), KEY);
    let (mut held, mut refused) = (Vec::new(), 0);
    for _ in 0..20 {
        let (connection, head) = list().leaves_unread(stack.desk()).await;
        if head.starts_with("HTTP/1.1 200 ") {
            held.push(connection);
            continue;
        }
        assert!(head.starts_with("HTTP/1.1 429 "), "{head}");
        assert!(
            head.contains("ratelimit-policy: \"answer_bytes\";q=1048576;qu=\"content-bytes\"\r\n"),
            "{head}"
        );
        refused += 1;
    }
    assert_eq!((held.len(), refused), (4, 16));
    is_error(&stack.sends(list()).await, 429, 20429);
    // Another key, and guests, are served.
    let writes = with_key(Request::post(&guest.messages()).form("Body=Hello"), WRITER);
    assert_eq!(stack.sends(writes).await.status, 201);
    assert_eq!(guest.reads().await.status, 200);
    drop(held);
    eventually(PATIENT, "the responses are released", async || stack.sends(list()).await.status == 200).await;
}
