//! The resources have exactly the members of Twilio's Conversations API v1 (twilio/twilio-oai,
//! `twilio_conversations_v1.json`), and a message has `side` besides.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::desk::{CONVERSATIONS, SERVICE, Stack, form, items};

const CONVERSATION: &[&str] = &[
    "account_sid",
    "chat_service_sid",
    "messaging_service_sid",
    "sid",
    "friendly_name",
    "unique_name",
    "attributes",
    "state",
    "date_created",
    "date_updated",
    "timers",
    "url",
    "links",
    "bindings",
];
const MESSAGE: &[&str] = &[
    "account_sid",
    "conversation_sid",
    "sid",
    "index",
    "author",
    "body",
    "media",
    "attributes",
    "participant_sid",
    "date_created",
    "date_updated",
    "url",
    "delivery",
    "links",
    "content_sid",
    "side",
];
const PARTICIPANT_CONVERSATION: &[&str] = &[
    "account_sid",
    "chat_service_sid",
    "participant_sid",
    "participant_user_sid",
    "participant_identity",
    "participant_messaging_binding",
    "conversation_sid",
    "conversation_unique_name",
    "conversation_friendly_name",
    "conversation_attributes",
    "conversation_date_created",
    "conversation_date_updated",
    "conversation_created_by",
    "conversation_state",
    "conversation_timers",
    "links",
];
const META: &[&str] =
    &["page", "page_size", "first_page_url", "previous_page_url", "url", "next_page_url", "key"];

#[track_caller]
fn has_exactly(resource: &Value, members: &[&str]) {
    let found: BTreeSet<&str> = resource.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(found, members.iter().copied().collect());
}

/// `%Y-%m-%dT%H:%M:%SZ`, the only form that Twilio's clients parse.
#[track_caller]
fn is_date(date: &Value) {
    let text = date.as_str().unwrap();
    let parsed = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%SZ");
    assert!(parsed.is_ok_and(|date| date.format("%Y-%m-%dT%H:%M:%SZ").to_string() == text), "{text}");
}

#[track_caller]
fn are_null(resource: &Value, members: &[&str]) {
    for member in members {
        assert_eq!(resource.get(member), Some(&Value::Null), "{member}");
    }
}

#[tokio::test]
async fn a_conversation_has_the_members_of_the_specification() {
    let stack = Stack::start().await;
    stack.clock.advance(TimeDelta::milliseconds(123));
    let guest = stack.guest().await;
    let fetched = stack.desk_gets(&guest.path()).await.body();
    let listed = items(&stack.desk_gets(CONVERSATIONS).await).remove(0);
    let updated = stack.desk_posts(&guest.path(), &[]).await.body();
    assert_eq!((&fetched, &listed), (&listed, &updated), "one form everywhere");
    has_exactly(&fetched, CONVERSATION);
    are_null(&fetched, &["messaging_service_sid", "unique_name", "bindings"]);
    is_date(&fetched["date_created"]);
    is_date(&fetched["date_updated"]);
    let url = format!("http://service/v1/Conversations/{}", guest.conversation);
    let expected = json!({
        "account_sid": "AC00000000000000000000000000000001",
        "chat_service_sid": SERVICE,
        "sid": guest.conversation,
        "friendly_name": "Ada",
        "state": "active",
        "timers": {},
        "url": url,
        "links": {
            "participants": format!("{url}/Participants"),
            "messages": format!("{url}/Messages"),
            "webhooks": format!("{url}/Webhooks"),
        },
    });
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(&fetched[member], value, "{member}");
    }
    let attributes: Value = serde_json::from_str(fetched["attributes"].as_str().unwrap()).unwrap();
    assert_eq!(
        attributes,
        json!({ "pre_engagement_data": { "size": "40" }, "customer_friendly_name": "Ada" })
    );
}

#[tokio::test]
async fn a_message_has_the_members_of_the_specification_and_its_side() {
    let stack = Stack::start().await;
    stack.clock.advance(TimeDelta::milliseconds(123));
    let guest = stack.guest().await;
    assert_eq!(guest.says("Hello").await.status, 201);
    let written = stack.desk_posts(&guest.messages(), &[("Body", "Hi"), ("Attributes", r#"{"n":1}"#)]).await;
    let listed = items(&stack.desk_gets(&guest.messages()).await);
    assert_eq!(listed[2], written.body());
    for message in &listed {
        has_exactly(message, MESSAGE);
        are_null(message, &["media", "delivery", "content_sid"]);
        is_date(&message["date_created"]);
        is_date(&message["date_updated"]);
        let url = format!(
            "http://service/v1/Conversations/{}/Messages/{}",
            guest.conversation,
            message["sid"].as_str().unwrap()
        );
        assert_eq!(message["url"], url);
        let links = json!({ "delivery_receipts": format!("{url}/Receipts"), "channel_metadata": format!("{url}/ChannelMetadata") });
        assert_eq!(message["links"], links);
        let path = format!("{}/{}", guest.messages(), message["sid"].as_str().unwrap());
        assert_eq!(&stack.desk_gets(&path).await.body(), message);
    }
    let attributes: Vec<&Value> = listed.iter().map(|message| &message["attributes"]).collect();
    assert_eq!(attributes, ["{}", "{}", r#"{"n":1}"#]);
    let sides: Vec<&Value> = listed.iter().map(|message| &message["side"]).collect();
    assert_eq!(sides, ["system", "guest", "desk"]);
    // The digits of the conversation, whose only participant the guest is.
    let participant = guest.conversation.replacen("CH", "MB", 1);
    let participants: Vec<&Value> = listed.iter().map(|message| &message["participant_sid"]).collect();
    assert_eq!(participants, [&Value::Null, &json!(participant), &Value::Null]);
}

#[tokio::test]
async fn a_participant_conversation_has_the_members_of_the_specification() {
    let stack = Stack::start().await;
    let (guest, _other) = (stack.guest().await, stack.guest().await);
    let path = format!("/v1/ParticipantConversations?{}", form(&[("Identity", &guest.identity)]));
    let answer = stack.desk_gets(&path).await;
    let [found] = <[Value; 1]>::try_from(items(&answer)).unwrap();
    has_exactly(&found, PARTICIPANT_CONVERSATION);
    are_null(&found, &["participant_user_sid", "participant_messaging_binding", "conversation_unique_name"]);
    is_date(&found["conversation_date_created"]);
    is_date(&found["conversation_date_updated"]);
    let conversation = stack.desk_gets(&guest.path()).await.body();
    for member in ["friendly_name", "attributes", "state", "date_created", "date_updated", "timers"] {
        assert_eq!(found[format!("conversation_{member}")], conversation[member], "{member}");
    }
    let participant = guest.conversation.replacen("CH", "MB", 1);
    assert_eq!(found["participant_sid"], participant);
    assert_eq!(
        (&found["conversation_sid"], &found["chat_service_sid"]),
        (&json!(guest.conversation), &json!(SERVICE))
    );
    assert_eq!(
        (&found["participant_identity"], &found["conversation_created_by"]),
        (&json!(guest.identity), &json!(guest.identity))
    );
    let url = format!("http://service/v1/Conversations/{}", guest.conversation);
    assert_eq!(
        found["links"],
        json!({ "participant": format!("{url}/Participants/{participant}"), "conversation": url })
    );
    for unknown in ["0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77", "Bob"] {
        let answer = stack.desk_gets(&format!("/v1/ParticipantConversations?Identity={unknown}")).await;
        assert_eq!((answer.status, items(&answer).len()), (200, 0), "{unknown}");
    }
}

#[tokio::test]
async fn pages_have_the_meta_of_the_specification() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    for (path, key) in [
        (CONVERSATIONS.to_owned(), "conversations"),
        (guest.messages(), "messages"),
        (format!("/v1/ParticipantConversations?Identity={}", guest.identity), "conversations"),
    ] {
        let body = stack.desk_gets(&path).await.body();
        has_exactly(&body, &[key, "meta"]);
        let meta = &body["meta"];
        has_exactly(meta, META);
        assert_eq!((&meta["key"], &meta["page"], &meta["page_size"]), (&json!(key), &json!(0), &json!(50)));
        are_null(meta, &["previous_page_url", "next_page_url"]);
        let url = meta["url"].as_str().unwrap();
        assert!(url.starts_with(&format!("http://service{path}")) && url.ends_with("PageSize=50"), "{url}");
        assert_eq!(meta["first_page_url"], url);
    }
}
