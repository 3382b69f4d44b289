//! A conversation from its opening to its end, seen from both sides.

use serde_json::{Value, json};
use test_support::http::Request;

use crate::desk::{CONVERSATIONS, DEPLOYMENT, Stack, is_error, items};

#[tokio::test]
async fn guest_and_desk_talk() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    assert_eq!(guest.says("Where is my order?").await.status, 201);

    let listed = items(&stack.desk_gets(CONVERSATIONS).await);
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0]["sid"], &listed[0]["friendly_name"]), (&json!(guest.conversation), &json!("Ada")));
    let read = items(&stack.desk_gets(&guest.messages()).await);
    let seen: Vec<_> = read.iter().map(|m| (&m["index"], &m["side"], &m["author"], &m["body"])).collect();
    let identity = json!(guest.identity);
    assert_eq!(
        seen,
        [
            (&json!(0), &json!("system"), &json!("system"), &json!("Welcome!")),
            (&json!(1), &json!("guest"), &identity, &json!("Where is my order?")),
        ]
    );

    let answered =
        stack.desk_posts(&guest.messages(), &[("Author", "Bob"), ("Body", "On its way & \"soon\" 👋")]).await;
    assert_eq!((answered.status, answered.body()["side"].as_str()), (201, Some("desk")));
    let last = guest.reads().await.body()["messages"][2].clone();
    assert_eq!((&last["index"], &last["author"]), (&json!(2), &json!("Bob")));
    assert_eq!((&last["body"], &last["sid"]), (&json!("On its way & \"soon\" 👋"), &answered.body()["sid"]));
}

#[tokio::test]
async fn a_closed_conversation_can_be_read_and_the_guest_opens_another() {
    let stack = Stack::start().await;
    let mut guest = stack.guest().await;
    let closed = stack.desk_posts(&guest.path(), &[("State", "closed")]).await;
    assert_eq!((closed.status, closed.member("state").as_str()), (200, "closed"));

    guest.says("Hello?").await.is_refusal(409, "conversation_closed");
    let read = guest.reads().await;
    assert_eq!((read.status, &read.body()["state"]), (200, &json!("closed")));
    is_error(&stack.desk_posts(&guest.messages(), &[("Body", "Hello?")]).await, 409, 50377);
    // Closing is final, and a repetition changes nothing.
    assert_eq!(stack.desk_posts(&guest.path(), &[("State", "closed")]).await.status, 200);
    is_error(&stack.desk_posts(&guest.path(), &[("State", "active")]).await, 400, 20001);

    let first = guest.conversation.clone();
    let second = guest.opens().await;
    assert_eq!(second.status, 201);
    guest.conversation = second.member("conversation_sid");
    assert_ne!(guest.conversation, first);
    assert_eq!(guest.says("Hello again").await.status, 201);
    let by_state = async |state: &str| {
        let listed = items(&stack.desk_gets(&format!("{CONVERSATIONS}?State={state}")).await);
        listed.iter().map(|conversation| conversation["sid"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!(by_state("closed").await, [json!(first)]);
    assert_eq!(by_state("active").await, [json!(guest.conversation)]);
}

#[tokio::test]
async fn the_guests_revocation_closes_the_conversation() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    assert_eq!(stack.desk_gets(&guest.path()).await.member("state"), "active");
    let fields = json!({ "deploymentKey": DEPLOYMENT, "token": guest.token });
    let revoked = Request::post("/v2/Webchat/Token/Revoke").json(&fields).send(stack.public()).await;
    assert_eq!(revoked.status, 200);
    assert_eq!(stack.desk_gets(&guest.path()).await.member("state"), "closed");
    is_error(&stack.desk_posts(&guest.messages(), &[("Body", "Hello?")]).await, 409, 50377);
}

#[tokio::test]
async fn without_its_setting_there_is_no_listener() {
    let stack = Stack::with(|config| config.desk_listen = None).await;
    assert!(stack.running.additional_addresses().is_empty());
    let path = Request::get(CONVERSATIONS).send(stack.public()).await;
    path.is_refusal(404, "not_found");
}
