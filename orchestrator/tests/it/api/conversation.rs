//! The conversation: opened once per session, with a welcome message, read and written by its guest, and not found for
//! others.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::api::{Fwo, OFF, OFF_LISTED, ON, OPEN, SHOP, chrome, http::Request, is_refused, messages};

fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[tokio::test]
async fn conversations_start_with_the_welcome_message() {
    let fwo = Fwo::start().await;
    for deployment in [ON, OFF] {
        let made = fwo.creates_token(deployment).await;
        let token = made.member("token");
        let opened = fwo.opens_conversation(&token).await;
        assert_eq!((opened.status, opened.header("cache-control").as_str()), (201, "no-store"));
        assert_eq!(opened.members(), ["conversation_sid", "identity"]);
        assert_eq!(opened.member("identity"), made.member("identity"));
        let conversation_sid = opened.member("conversation_sid");
        assert!(is_sid(&conversation_sid, "CH"), "{conversation_sid}");

        let read = fwo.reads(&token, &conversation_sid, "").await;
        assert_eq!(
            (read.status, read.members()),
            (200, ["messages", "last_index", "state"].map(str::to_owned).to_vec())
        );
        assert_eq!((&read.body()["last_index"], &read.body()["state"]), (&json!(0), &json!("active")));
        let [welcome] = read.body()["messages"].as_array().unwrap().clone().try_into().unwrap();
        let names: Vec<&str> = welcome.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["sid", "index", "author", "body", "date_created"]);
        assert!(is_sid(welcome["sid"].as_str().unwrap(), "IM"));
        assert_eq!((&welcome["index"], &welcome["author"]), (&json!(0), &json!("system")));
        assert_eq!(welcome["body"], "Welcome!");
        assert!(welcome["date_created"].as_str().unwrap().ends_with('Z'));
    }
}

#[tokio::test]
async fn opening_a_conversation_is_idempotent_per_session() {
    let fwo = Fwo::start().await;
    let token = fwo.token(ON).await;
    let first = fwo.opens_conversation(&token).await;
    let second = fwo.opens_conversation(&token).await;
    let refreshed = fwo.refreshes_token(ON, &token).await.member("token");
    let third = fwo.opens_conversation(&refreshed).await;
    for again in [&second, &third] {
        assert_eq!((again.status, again.member("conversation_sid")), (201, first.member("conversation_sid")));
    }
    let read = fwo.reads(&refreshed, &first.member("conversation_sid"), "").await;
    assert_eq!(read.body()["messages"].as_array().unwrap().len(), 1, "one welcome");
    let of_another = fwo.opens_conversation(&fwo.token(ON).await).await;
    assert_ne!(of_another.member("conversation_sid"), first.member("conversation_sid"));
}

#[tokio::test]
async fn messages_are_read_in_the_order_written() {
    let fwo = Fwo::start().await;
    let made = fwo.creates_token(ON).await;
    let token = made.member("token");
    let conversation_sid = fwo.opens_conversation(&token).await.member("conversation_sid");
    let mut said = Vec::new();
    for body in ["Hello", "1 < 2 && \"é\"", "line\nline"] {
        let answer = fwo.says(&token, &conversation_sid, &json!({"body": body})).await;
        assert_eq!(answer.status, 201);
        let message = answer.body();
        assert_eq!((&message["body"], &message["author"]), (&json!(body), &json!(made.member("identity"))));
        message["date_created"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        said.push(message);
    }
    let indices: Vec<&Value> = said.iter().map(|message| &message["index"]).collect();
    assert_eq!(indices, [1, 2, 3]);
    for (query, from) in [("?after=0", 0), ("?After=1", 1), ("?after=3", 3), ("?after=4294967295", 3)] {
        let read = fwo.reads(&token, &conversation_sid, query).await;
        assert_eq!(read.body()["messages"], json!(said[from..]), "{query}");
    }
}

#[tokio::test]
async fn conversations_of_other_guests_are_not_found() {
    let fwo = Fwo::start().await;
    let token = fwo.token(OFF_LISTED).await;
    let conversation_sid = fwo.opens_conversation(&token).await.member("conversation_sid");
    let never = "CH000000000000000000000000000000ff";
    for (who, stranger) in
        [("of the same account", fwo.token(OFF_LISTED).await), ("of another account", fwo.token(ON).await)]
    {
        let allow_origin = if who == "of another account" { "*" } else { SHOP };
        let mut bodies = Vec::new();
        for sid in [conversation_sid.as_str(), never] {
            let read = fwo.reads(&stranger, sid, "").await;
            let said = fwo.says(&stranger, sid, &json!({"body": "Hello"})).await;
            for answer in [read, said] {
                is_refused(&answer, 404, "not_found", allow_origin);
                bodies.push(answer.text);
            }
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "{who}: existing and missing conversations have the same error");
    }
    let own = fwo.reads(&token, &conversation_sid, "").await;
    assert_eq!(own.body()["messages"].as_array().unwrap().len(), 1, "nothing came into it");
}

#[tokio::test]
async fn conversation_setup_fields_accept_all_their_forms() {
    let fwo = Fwo::start().await;
    let mut calls = Vec::new();
    for [name, data] in [
        ["customerFriendlyName", "preEngagementData"],
        ["CustomerFriendlyName", "PreEngagementData"],
        ["customer_friendly_name", "pre_engagement_data"],
    ] {
        calls.push(Request::post(OPEN).json(&json!({name: "Ada", data: {"question": "?"}})));
        calls.push(Request::post(OPEN).json(&json!({name: "Ada", data: "{\"question\":\"?\"}"})));
        calls.push(Request::post(OPEN).form(&format!("{name}=Ada&{data}=%7B%22question%22%3A%22%3F%22%7D")));
    }
    calls.push(Request::post(OPEN).json(&json!({"preEngagementData": "no JSON"})));
    calls.push(Request::post(OPEN));
    for call in calls {
        let token = fwo.token(OFF).await;
        assert_eq!(fwo.answers(chrome(call.clone()).bearer(&token)).await.status, 201, "{call:?}");
    }
    let long = Request::post(OPEN).json(&json!({"customerFriendlyName": "x".repeat(257)}));
    let refused = fwo.answers(chrome(long).bearer(&fwo.token(OFF).await)).await;
    is_refused(&refused, 400, "invalid_request", "*");
    assert!(refused.member("message").starts_with("`customerFriendlyName` is malformed"));
}

#[tokio::test]
async fn malformed_queries_and_paths_are_rejected_without_echo() {
    let fwo = Fwo::start().await;
    let token = fwo.token(OFF).await;
    let conversation_sid = fwo.opens_conversation(&token).await.member("conversation_sid");
    for query in ["?after=hunter2", "?after=-1", "?after=4294967296", "?after=1&after=hunter2", "?after="] {
        let refused = fwo.reads(&token, &conversation_sid, query).await;
        refused.is_refusal(400, "invalid_request");
        assert!(refused.member("message").starts_with("`after` is "), "{query}: {}", refused.text);
        refused.does_not_repeat("hunter2");
    }
    for sid in ["hunter2", "CH1", "IM00000000000000000000000000000001"] {
        let refused = fwo.reads(&token, sid, "").await;
        is_refused(&refused, 404, "not_found", "*");
        refused.does_not_repeat("hunter2");
    }
}

#[tokio::test]
async fn messages_can_be_posted_as_forms() {
    let fwo = Fwo::start().await;
    let token = fwo.token(OFF).await;
    let conversation_sid = fwo.opens_conversation(&token).await.member("conversation_sid");
    for (body, text) in [("body=Hello+there%21", "Hello there!"), ("Body=%C3%A9", "é")] {
        let said = fwo.answers(Request::post(&messages(&conversation_sid)).bearer(&token).form(body)).await;
        assert_eq!((said.status, said.member("body").as_str()), (201, text));
    }
}
