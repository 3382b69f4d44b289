//! Names and attributes: the desk cannot write as the guest, and cannot change what the guest filled in.

use serde_json::{Value, json};

use crate::desk::{Guest, Stack, is_error, items};

/// The attributes of the conversation.
async fn attributes(stack: &Stack, guest: &Guest<'_>) -> Value {
    serde_json::from_str(&stack.desk_gets(&guest.path()).await.member("attributes")).unwrap()
}

#[tokio::test]
async fn a_desk_does_not_write_as_a_guest() {
    let stack = Stack::start().await;
    let (guest, other) = (stack.guest().await, stack.guest().await);
    let plain = guest.identity.replace('-', "");
    for author in [
        guest.identity.as_str(),
        &guest.identity.to_uppercase(),
        &plain,
        &format!("{{{}}}", guest.identity),
        &format!("urn:uuid:{}", guest.identity),
        &other.identity,
        "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77",
        "",
        " ",
        "a\nb",
        "a\u{202e}b",
        &"x".repeat(257),
    ] {
        let refused = stack.desk_posts(&guest.messages(), &[("Author", author), ("Body", "Hello")]).await;
        assert!(is_error(&refused, 400, 20001).starts_with("`Author` is malformed: "), "{author:?}");
    }
    // The name does not decide the side.
    for author in ["system", "guest", "Zoë 👋", &"x".repeat(256)] {
        let written = stack.desk_posts(&guest.messages(), &[("Author", author), ("Body", "Hello")]).await;
        assert_eq!((written.member("side").as_str(), written.member("author").as_str()), ("desk", author));
    }
    let unnamed = stack.desk_posts(&guest.messages(), &[("Body", "Hello")]).await;
    assert_eq!((unnamed.member("side").as_str(), unnamed.member("author").as_str()), ("desk", "system"));
    assert_eq!(items(&stack.desk_gets(&guest.messages()).await).len(), 6);
}

#[tokio::test]
async fn the_desks_attributes_stand_beside_the_guests() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    let guests = json!({ "pre_engagement_data": { "size": "40" }, "customer_friendly_name": "Ada" });
    assert_eq!(attributes(&stack, &guest).await, guests);

    // A desk adds a member to what it read.
    let mut all = guests.clone();
    all["ticket"] = json!({ "number": 7 });
    let written = stack.desk_posts(&guest.path(), &[("Attributes", &all.to_string())]).await;
    assert_eq!(serde_json::from_str::<Value>(&written.member("attributes")).unwrap(), all);
    assert_eq!(attributes(&stack, &guest).await, all);

    // Or writes its own only.
    let own = stack.desk_posts(&guest.path(), &[("Attributes", r#"{"tag":"vip"}"#)]).await;
    assert_eq!(own.status, 200);
    let mut tagged = guests.clone();
    tagged["tag"] = json!("vip");
    assert_eq!(attributes(&stack, &guest).await, tagged);

    for changed in [
        json!({ "customer_friendly_name": "Eve" }),
        json!({ "customer_friendly_name": null }),
        json!({ "pre_engagement_data": { "size": "41" } }),
        json!({ "pre_engagement_data": {}, "customer_friendly_name": "Ada" }),
    ] {
        let refused = stack
            .desk_posts(&guest.path(), &[("Attributes", &changed.to_string()), ("FriendlyName", "Eve")])
            .await;
        assert!(is_error(&refused, 400, 20001).starts_with("`Attributes` is malformed: "), "{changed}");
    }
    let unchanged = stack.desk_gets(&guest.path()).await;
    assert_eq!(
        (attributes(&stack, &guest).await, unchanged.member("friendly_name").as_str()),
        (tagged, "Ada")
    );
    assert_eq!(stack.desk_posts(&guest.path(), &[("Attributes", "{}")]).await.status, 200);
    assert_eq!(attributes(&stack, &guest).await, guests);
}

#[tokio::test]
async fn a_name_replaces_the_guests_until_it_is_removed() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    for (name, expected) in [("Order 7", "Order 7"), ("", "Ada"), (&"é".repeat(256), &"é".repeat(256))] {
        let named = stack.desk_posts(&guest.path(), &[("FriendlyName", name)]).await;
        assert_eq!((named.status, named.member("friendly_name").as_str()), (200, expected));
    }
    assert_eq!(attributes(&stack, &guest).await["customer_friendly_name"], "Ada");
}
