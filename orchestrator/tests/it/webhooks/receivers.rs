//! Receivers that fail, in all ways that are known.

use test_support::{
    eventually,
    scripted_peer::{Act, ClosedPort, ScriptedPeer},
};

use super::{SOON, accept, accepting, received, requests, stack, status};

/// The second attempt is made, with the same id, once these seconds have passed, and not 2 seconds before.
async fn is_repeated_after(first: Act, least: i64, most: i64) {
    let receiver = ScriptedPeer::with(vec![first, accept()]).await;
    let stack = stack(&receiver.url()).await;
    stack.guest().await;
    received(&receiver, 1).await;
    until_recorded(&stack).await;
    stack.advance(least - 2);
    // An event of another conversation is sent, so the sender has looked.
    stack.guest().await;
    let webhooks = received(&receiver, 2).await;
    assert_ne!(webhooks[1].id, webhooks[0].id, "repeated too early");
    stack.advance(most - least + 4);
    let webhooks = received(&receiver, 3).await;
    assert_eq!((&webhooks[2].id, &webhooks[2].text), (&webhooks[0].id, &webhooks[0].text));
    let seconds = |index: usize| webhooks[index].timestamp.parse::<i64>().unwrap();
    assert!(seconds(2) >= seconds(0) + least, "a timestamp is that of the attempt");
}

/// Waits until the failure of the first attempt is in the store.
async fn until_recorded(stack: &crate::desk::Stack) {
    let database = stack.data.path().join("conversations.db");
    let database = rusqlite::Connection::open(database).unwrap();
    let count = "SELECT COUNT(*) FROM webhook_events WHERE attempts > 0 OR state = 'failed'";
    eventually(SOON, "a recorded failure", async || {
        database.query_row(count, (), |row| row.get::<_, i64>(0)).unwrap() > 0
    })
    .await;
}

#[tokio::test]
async fn an_error_is_repeated_after_5_seconds() {
    is_repeated_after(status(500, ""), 4, 6).await;
}

#[tokio::test]
async fn a_redirect_is_an_error_and_not_followed() {
    let target = accepting().await;
    is_repeated_after(status(302, &format!("location: {}/\r\n", target.url())), 4, 6).await;
    is_repeated_after(status(307, &format!("location: {}/\r\n", target.url())), 4, 6).await;
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn retry_after_is_heeded() {
    is_repeated_after(status(429, "retry-after: 70\r\n"), 70, 70).await;
    is_repeated_after(status(503, "retry-after: -70\r\n"), 4, 6).await;
}

#[tokio::test]
async fn a_broken_connection_is_an_error() {
    is_repeated_after(Act::Close, 4, 6).await;
    is_repeated_after(Act::Send(b"HTTP/1.1 2".to_vec()), 4, 6).await;
    is_repeated_after(Act::Send(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()), 4, 6).await;
}

#[tokio::test]
async fn no_response_within_15_seconds_is_an_error() {
    is_repeated_after(Act::never_respond(), 4, 6).await;
}

#[tokio::test]
async fn an_endless_or_dribbling_response_is_accepted_by_its_status() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = [b"10000\r\n".to_vec(), vec![b'x'; 0x10000], b"\r\n".to_vec()].concat();
    for act in [Act::SendEndlessly(head.clone(), chunk), Act::SendAndStall(head)] {
        let receiver = ScriptedPeer::with(vec![act, accept()]).await;
        let stack = stack(&receiver.url()).await;
        let guest = stack.guest().await;
        guest.says("hello").await;
        let webhooks = received(&receiver, 2).await;
        assert_eq!([webhooks[0].index(), webhooks[1].index()], [0, 1]);
    }
}

/// So that alerts on an increase notice the first failure.
#[tokio::test]
async fn an_endpoint_has_all_metrics_before_its_first_event() {
    let stack = stack("https://desk.example.com/hook?key=1").await;
    let has_all = async || {
        let metrics =
            test_support::http::Request::get("/metrics").send(stack.running.admin_address).await.text;
        assert!(!metrics.contains("key=1"), "{metrics}");
        let of_endpoint = |line: &&str| line.contains("host=\"desk.example.com\"") && line.ends_with("} 0");
        let series: Vec<&str> = metrics.lines().filter(of_endpoint).collect();
        let has = |name: &str, rest: &str| {
            series.iter().any(|line| line.starts_with(&format!("{name}{{account=")) && line.contains(rest))
        };
        ["webhook_events_pending", "webhook_oldest_event_seconds"].iter().all(|name| has(name, ""))
            && ["webhook_events_delivered_total", "webhook_attempts_failed_total"]
                .iter()
                .all(|name| has(name, ""))
            && ["attempts", "gone", "bounds"]
                .iter()
                .all(|reason| has("webhook_events_failed_total", &format!("reason=\"{reason}\"")))
    };
    eventually(SOON, "all series", has_all).await;
}

#[tokio::test]
async fn gone_fails_the_event_at_once() {
    let receiver = ScriptedPeer::with(vec![status(410, ""), accept()]).await;
    let stack = stack(&receiver.url()).await;
    let guest = stack.guest().await;
    guest.says("hello").await;
    let webhooks = received(&receiver, 2).await;
    assert_eq!([webhooks[0].index(), webhooks[1].index()], [0, 1]);
    stack.advance(30 * 3600);
    stack.guest().await;
    let webhooks = received(&receiver, 3).await;
    assert_ne!(webhooks[2].id, webhooks[0].id);
    let metrics = test_support::http::Request::get("/metrics").send(stack.running.admin_address).await;
    let failed = "webhook_events_failed_total{account=\"AC00000000000000000000000000000001\",";
    assert!(metrics.text.contains(failed) && metrics.text.contains("reason=\"gone\"} 1"), "{}", metrics.text);
}

#[tokio::test]
async fn a_closed_port_is_an_error_and_the_receiver_gets_everything_once_it_is_there() {
    let port = ClosedPort::reserve();
    let stack = stack(&port.url()).await;
    let guest = stack.guest().await;
    guest.says("hello").await;
    until_recorded(&stack).await;
    let receiver = ScriptedPeer::at(port, accept()).await;
    stack.advance(10);
    let webhooks = received(&receiver, 2).await;
    assert_eq!([webhooks[0].index(), webhooks[1].index()], [0, 1]);
}

#[tokio::test]
async fn one_endpoint_does_not_delay_another_conversation() {
    let receiver = ScriptedPeer::with(vec![status(500, ""), accept()]).await;
    let stack = stack(&receiver.url()).await;
    let guest = stack.guest().await;
    received(&receiver, 1).await;
    until_recorded(&stack).await;
    guest.says("waits").await;
    let other = stack.guest().await;
    other.says("does not wait").await;
    let webhooks = received(&receiver, 3).await;
    let of_guest = webhooks[1..].iter().filter(|w| w.body["data"]["conversation_sid"] == guest.conversation);
    assert_eq!(of_guest.count(), 0, "before the first event of its conversation");
    stack.advance(10);
    let webhooks = received(&receiver, 5).await;
    let of_guest: Vec<_> = webhooks
        .iter()
        .filter(|w| w.body["data"]["conversation_sid"] == guest.conversation)
        .map(super::Received::index)
        .collect();
    assert_eq!(of_guest, [0, 0, 1]);
    assert_eq!(requests(&receiver).len(), 5);
}
