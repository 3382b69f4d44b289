//! What receivers get.

use serde_json::json;
use test_support::eventually;

use super::{OLD_SECRET, SECRET, SOON, accepting, received, requests, stack};
use crate::desk::{ACCOUNT, Stack};

#[tokio::test]
async fn events_of_a_conversation_arrive_signed_and_in_order() {
    let receiver = accepting().await;
    let stack = stack(&format!("{}/hook?of=chat", receiver.url())).await;
    let guest = stack.guest().await;
    guest.says("Where is my parcel?").await;
    stack.desk_posts(&guest.messages(), &[("Author", "Zoë"), ("Body", "On its way.")]).await;
    stack.desk_posts(&guest.path(), &[("State", "closed")]).await;
    let webhooks = received(&receiver, 4).await;
    let types: Vec<_> = webhooks.iter().map(|webhook| webhook.event_type()).collect();
    assert_eq!(types, ["conversation.opened", "message.added", "message.added", "conversation.closed"]);
    let read = stack.desk_gets(&guest.messages()).await;
    for (index, webhook) in (0..).zip(&webhooks) {
        assert_eq!(webhook.signature, webhook.signed_with(SECRET));
        assert_eq!(webhook.timestamp, stack.clock.now().timestamp().to_string());
        let data = &webhook.body["data"];
        assert_eq!(data["account_sid"], ACCOUNT.to_string());
        assert_eq!(data["conversation_sid"], guest.conversation);
        assert_eq!(data["index"], index);
        assert!(webhook.body["timestamp"].as_str().unwrap().ends_with('Z'));
    }
    assert_eq!(webhooks[0].body["data"].as_object().unwrap().len(), 3, "no message");
    // The welcome message, of the service, is the first one.
    for (webhook, message) in webhooks[1..3].iter().zip(1..) {
        let mut sent = webhook.body["data"]["message"].clone();
        let mut expected = read.body()["messages"][message].clone();
        for message in [&mut sent, &mut expected] {
            // The host is that of each request, unless ORCHESTRATOR_DESK_URL is set.
            message["url"].take();
            message["links"].take();
        }
        assert_eq!(sent, expected);
    }
    let head = receiver.seen()[0].clone();
    assert!(head.starts_with("POST /hook?of=chat HTTP/1.1\r\n"), "{head}");
    assert_eq!(receiver.header_seen(0, "content-type").unwrap(), "application/json");
}

#[tokio::test]
async fn an_ended_session_and_an_erasure_are_reported() {
    let receiver = accepting().await;
    let stack = stack(&receiver.url()).await;
    let (first, second) = (stack.guest().await, stack.guest().await);
    received(&receiver, 2).await;
    first.ends().await;
    stack.desk_deletes(&second.path()).await;
    let webhooks = received(&receiver, 4).await;
    let of = |sid: &str| -> Vec<String> {
        let webhooks = webhooks.iter().filter(|webhook| webhook.body["data"]["conversation_sid"] == sid);
        webhooks.map(|webhook| webhook.event_type().to_owned()).collect()
    };
    assert_eq!(of(&first.conversation), ["conversation.opened", "conversation.closed"]);
    assert_eq!(of(&second.conversation).last().unwrap(), "conversation.erased");
}

#[tokio::test]
async fn an_erased_message_is_sent_without_its_text() {
    let receiver = super::ScriptedPeer::with(vec![super::status(503, ""), super::accept()]).await;
    let stack = stack(&receiver.url()).await;
    let guest = stack.guest().await;
    let said = guest.says("my secret word").await;
    received(&receiver, 1).await;
    let sid = said.member("sid");
    stack.desk_deletes(&format!("{}/{sid}", guest.messages())).await;
    stack.advance(10);
    let webhooks = received(&receiver, 3).await;
    let message = &webhooks[2].body["data"]["message"];
    assert_eq!(
        (&message["sid"], &message["body"], &message["attributes"]),
        (&json!(sid), &json!(""), &json!("{}"))
    );
    assert!(!receiver.seen().concat().contains("secret word"));
}

#[tokio::test]
async fn pending_events_of_an_erased_conversation_are_not_sent() {
    let receiver = super::ScriptedPeer::with(vec![super::status(503, ""), super::accept()]).await;
    let stack = stack(&receiver.url()).await;
    let guest = stack.guest().await;
    guest.says("my secret word").await;
    received(&receiver, 1).await;
    stack.desk_deletes(&guest.path()).await;
    let webhooks = received(&receiver, 2).await;
    assert_eq!(webhooks[1].event_type(), "conversation.erased");
    stack.advance(3600);
    let other = stack.guest().await;
    let webhooks = received(&receiver, 3).await;
    assert_eq!(webhooks[2].body["data"]["conversation_sid"], other.conversation);
    assert!(!receiver.seen().concat().contains("secret word"));
}

#[tokio::test]
async fn both_secrets_sign_while_one_is_replaced() {
    let receiver = accepting().await;
    let stack = stack(&receiver.url()).await;
    let file = stack.data.path().join("hook-secret");
    stack.guest().await;
    received(&receiver, 1).await;
    // Half of an edit changes nothing.
    std::fs::write(&file, "whsec_").unwrap();
    std::fs::write(&file, format!("{OLD_SECRET}\n{SECRET}\n")).unwrap();
    let both = async || {
        stack.guest().await;
        let webhooks = requests(&receiver);
        let last = webhooks.last().unwrap();
        let expected = [last.signed_with(OLD_SECRET), last.signed_with(SECRET)].join(" ");
        assert!(last.signature == expected || last.signature == last.signed_with(SECRET));
        last.signature == expected
    };
    eventually(SOON, "both secrets sign", both).await;
}

#[tokio::test]
async fn without_a_secret_events_wait() {
    let receiver = accepting().await;
    let stack = stack(&receiver.url()).await;
    std::fs::remove_file(stack.data.path().join("hook-secret")).unwrap();
    stack.guest().await;
    std::fs::write(stack.data.path().join("hook-secret"), OLD_SECRET).unwrap();
    let webhooks = received(&receiver, 1).await;
    assert_eq!(webhooks[0].signature, webhooks[0].signed_with(OLD_SECRET));
}

#[tokio::test]
async fn other_accounts_and_unsubscribed_events_are_not_sent() {
    let receiver = accepting().await;
    let stack = stack(&receiver.url()).await;
    stack.guest_of("CV00000000000000000000000000000002").await;
    let guest = stack.guest().await;
    let webhooks = received(&receiver, 1).await;
    assert_eq!(webhooks[0].body["data"]["conversation_sid"], guest.conversation);
}

#[tokio::test]
async fn a_webhook_is_added_and_removed_by_an_edit_of_the_accounts() {
    let receiver = accepting().await;
    let without = crate::desk::accounts();
    let stack = Stack::with_accounts(&without, |config| {
        std::fs::write(config.accounts_file.with_file_name("hook-secret"), SECRET).unwrap();
        config.accounts_period = std::time::Duration::from_millis(20);
    })
    .await;
    let guest = stack.guest().await;
    let edit = |text: &str| std::fs::write(stack.data.path().join("accounts.toml"), text).unwrap();
    edit(&super::accounts(&receiver.url()));
    let said = async || {
        guest.says("hello").await;
        !receiver.seen().is_empty()
    };
    eventually(SOON, "events are sent", said).await;
    assert_eq!(requests(&receiver)[0].event_type(), "message.added");
    edit(&without);
    let is_silent = async || {
        let before = receiver.seen().len();
        // An event would be written in the transaction of the message, and sent before the next one.
        guest.says("hello").await;
        let database = rusqlite::Connection::open(stack.data.path().join("conversations.db")).unwrap();
        let count = "SELECT next_event - (SELECT COUNT(*) FROM webhook_events) FROM conversations";
        let numbered: u32 = database.query_row(count, (), |row| row.get(0)).unwrap();
        receiver.seen().len() == before && numbered as usize == before
    };
    eventually(SOON, "nothing more is sent", is_silent).await;
}
