//! Where webhooks are sent: only to public addresses, unless private ones are allowed.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::DateTime;
use orchestrator::clients::{
    WebhookClient,
    webhook::{AttemptError, Lookup, Post},
};

use super::accepting;

fn post() -> Post {
    Post {
        id: "msg_1".to_owned(),
        timestamp: DateTime::UNIX_EPOCH,
        signature: "v1,".to_owned(),
        body: b"{}".to_vec(),
    }
}

/// Resolves every name to these addresses in turn.
fn lookup(addresses: Vec<Vec<&'static str>>) -> (Lookup, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let lookup: Lookup = Arc::new(move |_host| {
        let nth = counted.fetch_add(1, Ordering::SeqCst);
        let found = addresses[nth.min(addresses.len() - 1)].iter();
        let found = found.map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
        Box::pin(async move { Ok(found) })
    });
    (lookup, calls)
}

async fn attempt(client: &WebhookClient, url: &str) -> Result<(), AttemptError> {
    client.post(&url.parse().unwrap(), post(), DateTime::UNIX_EPOCH).await
}

#[tokio::test]
async fn a_url_with_a_private_address_is_refused() {
    let (names, calls) = lookup(vec![vec!["127.0.0.1"]]);
    let client = WebhookClient::new(false, names).unwrap();
    for host in [
        "127.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "0x7f.1",
        "2130706433",
        "0",
        "10.1.2.3",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
    ] {
        let refused = attempt(&client, &format!("https://{host}/")).await;
        assert_eq!(refused, Err(AttemptError::NotPublic), "{host}");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_resolves_to_a_private_address_is_refused() {
    let receiver = accepting().await;
    let port = receiver.address.port();
    for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1", "fe80::1", "64:ff9b::7f00:1"] {
        let (names, _) = lookup(vec![vec![address, address]]);
        let client = WebhookClient::new(false, names).unwrap();
        let refused = attempt(&client, &format!("https://desk.example.com:{port}/")).await;
        assert_eq!(refused, Err(AttemptError::NotPublic), "{address}");
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn each_attempt_judges_the_address_again() {
    let receiver = accepting().await;
    let url = format!("https://desk.example.com:{}/", receiver.address.port());
    // The first answer has no addresses, so no attempt leaves this machine.
    let (names, calls) = lookup(vec![vec![], vec!["127.0.0.1"], vec!["::ffff:127.0.0.1"]]);
    let client = WebhookClient::new(false, names).unwrap();
    for nth in 1..=3 {
        assert_eq!(attempt(&client, &url).await, Err(AttemptError::NotPublic));
        assert_eq!(calls.load(Ordering::SeqCst), nth);
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn http_is_refused_unless_private_addresses_are_allowed() {
    let receiver = accepting().await;
    let url = format!("http://desk.example.com:{}/", receiver.address.port());
    let (names, _) = lookup(vec![vec!["127.0.0.1"]]);
    let strict = WebhookClient::new(false, names.clone()).unwrap();
    assert_eq!(attempt(&strict, &url).await, Err(AttemptError::NotHttps));
    assert_eq!(receiver.connections(), 0);
    let lenient = WebhookClient::new(true, names).unwrap();
    assert_eq!(attempt(&lenient, &url).await, Ok(()));
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn errors_name_no_url() {
    let (names, _) = lookup(vec![vec!["127.0.0.1"]]);
    let client = WebhookClient::new(true, names).unwrap();
    let port = test_support::scripted_peer::ClosedPort::reserve();
    let url = format!("http://desk.example.com:{}/secret?path", port.address.port());
    let error = attempt(&client, &url).await.unwrap_err().to_string();
    assert!(error.starts_with("no connection: ") && !error.contains("secret"), "{error}");
}
