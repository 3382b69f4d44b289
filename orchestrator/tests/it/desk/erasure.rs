//! Erasure: of a message's text, of a conversation, and of a guest, whose session ends with it.

use chrono::TimeDelta;
use serde_json::{Value, json};
use test_support::http::{Answer, Request};

use crate::desk::{ACCOUNT, CONVERSATIONS, DEPLOYMENT, Stack, is_error, items};

#[tokio::test]
async fn an_erased_message_stays_in_lists_without_its_text() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    let parameters = [("Author", "Bob"), ("Body", "Oops"), ("Attributes", r#"{"a":1}"#)];
    let written = stack.desk_posts(&guest.messages(), &parameters).await;
    let path = format!("{}/{}", guest.messages(), written.member("sid"));
    let before = stack.desk_gets(&path).await.body();
    stack.clock.advance(TimeDelta::seconds(5));

    let erased = stack.desk_deletes(&path).await;
    assert_eq!((erased.status, erased.text.as_str()), (204, ""));
    assert_eq!(
        (erased.header("content-type"), erased.header("content-length")),
        (String::new(), String::new())
    );
    let mut expected = before.clone();
    expected["body"] = json!("");
    expected["attributes"] = json!("{}");
    let after = stack.desk_gets(&path).await.body();
    assert_ne!(after["date_updated"], before["date_updated"]);
    expected["date_updated"] = after["date_updated"].clone();
    assert_eq!(after, expected);
    assert_eq!(items(&stack.desk_gets(&guest.messages()).await)[1], after);
    let read: Vec<Value> = guest.reads().await.body()["messages"].as_array().unwrap().clone();
    assert_eq!((read.len(), &read[1]["body"]), (2, &json!("")));
    assert_eq!(stack.desk_deletes(&path).await.status, 204, "the text stays erased");
}

#[tokio::test]
async fn an_erased_conversation_is_gone_and_the_guest_opens_another() {
    let stack = Stack::start().await;
    let mut guest = stack.guest().await;
    assert_eq!(guest.says("Hello").await.status, 201);
    let erased = stack.desk_deletes(&guest.path()).await;
    assert_eq!((erased.status, erased.text.as_str(), erased.header("content-type").as_str()), (204, "", ""));
    for answer in [
        stack.desk_gets(&guest.path()).await,
        stack.desk_gets(&guest.messages()).await,
        stack.desk_posts(&guest.messages(), &[("Body", "Hello")]).await,
        stack.desk_deletes(&guest.path()).await,
    ] {
        is_error(&answer, 404, 20404);
    }
    assert_eq!(items(&stack.desk_gets(CONVERSATIONS).await).len(), 0);
    guest.reads().await.is_refusal(404, "not_found");
    guest.says("Hello?").await.is_refusal(404, "not_found");
    // It notes nothing: the session goes on.
    let opened = guest.opens().await;
    assert_eq!(opened.status, 201);
    guest.conversation = opened.member("conversation_sid");
    assert_eq!(guest.says("Hello").await.status, 201);
}

#[tokio::test]
async fn an_erased_guests_calls_are_rejected() {
    let stack = Stack::start().await;
    let (guest, neighbour) = (stack.guest().await, stack.guest().await);
    let refresh = async |token: &str| -> Answer {
        let fields = json!({ "deploymentKey": DEPLOYMENT, "token": token });
        Request::post("/v2/Webchat/Token/Refresh").json(&fields).send(stack.public()).await
    };
    assert_eq!(refresh(&guest.token).await.status, 200);
    let (store, identity) = (stack.store().await, guest.identity.parse().unwrap());
    // What a wish for the identity is checked against.
    let last_session =
        async || store.last_session(ACCOUNT, DEPLOYMENT.parse().unwrap(), identity).await.unwrap();
    assert!(last_session().await.is_some());
    assert_eq!(store.erase_guest(ACCOUNT, identity, stack.clock.now()).await.unwrap().0, 1);
    assert!(last_session().await.is_none());

    for refused in
        [refresh(&guest.token).await, guest.reads().await, guest.says("Hello").await, guest.opens().await]
    {
        refused.is_refusal(401, "revoked_token");
    }
    is_error(&stack.desk_gets(&guest.path()).await, 404, 20404);
    let wish =
        Request::post("/v2/Webchat/Init").form(&format!("DeploymentKey={DEPLOYMENT}&Identity={identity}"));
    let granted = wish.send(stack.public()).await;
    assert_eq!(granted.status, 201);
    assert_ne!(granted.member("identity"), guest.identity);

    assert_eq!(refresh(&neighbour.token).await.status, 200);
    assert_eq!((neighbour.reads().await.status, neighbour.says("Hello").await.status), (200, 201));
}
