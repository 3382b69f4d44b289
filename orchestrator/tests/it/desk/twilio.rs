//! Twilio's published client library for Python drives the desk's API (`tests/desk/twilio_client.py`).

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use shared_types::{ConversationSid, Identity};

use crate::desk::{KEY, SERVICE, Stack, opened, python, written};

/// The output of an operation of the script.
async fn library(stack: &Stack, operation: &'static str, given: &Value) -> Value {
    let mut given = given.clone();
    given["url"] = json!(format!("http://{}", stack.desk()));
    given["account"] = json!("AC00000000000000000000000000000001");
    (given["key"], given["secret"]) = (json!(KEY.0), json!(KEY.1));
    // The services run on this thread's runtime.
    let ended = tokio::task::spawn_blocking(move || {
        let mut child = Command::new(python())
            .args(["-B", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/desk/twilio_client.py"), operation])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("no Python ({error}); `./test` installs it"));
        child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    });
    let output = ended.await.unwrap();
    assert!(output.status.success(), "{operation} failed; if a module is missing, `./test` installs it");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn the_library_drives_a_conversations_whole_life() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    assert_eq!(guest.says("Where is my order?").await.status, 201);
    let given = json!({ "conversation": guest.conversation, "identity": guest.identity, "service": SERVICE });
    let done = library(&stack, "whole_life", &given).await;

    let date = stack.desk_gets("/v1/Conversations").await;
    assert_eq!((&done["left"], date.body()["conversations"].as_array().unwrap().len()), (&json!(0), 0));
    assert_eq!(done["listed"], json!([guest.conversation]));
    let now = stack.clock.now().format("%Y-%m-%dT").to_string();
    let fetched = &done["fetched"];
    assert_eq!((&fetched[0], &fetched[1], &fetched[3]), (&json!("Ada"), &json!("active"), &json!({})));
    assert!(fetched[2].as_str().unwrap().starts_with(&now), "{fetched}");
    let said = |messages: &Value| -> Vec<Value> {
        messages
            .as_array()
            .unwrap()
            .iter()
            .map(|m| json!([m["index"], m["author"], m["body"], m["attributes"]]))
            .collect()
    };
    let first = [json!([0, "system", "Welcome!", {}]), json!([1, guest.identity, "Where is my order?", {}])];
    assert_eq!(said(&done["before"]), first);
    assert_eq!(done["answer"], json!([2, "Bob", "On its way 👋", "{\"ticket\":7}", null]));
    let attributes =
        json!({ "pre_engagement_data": { "size": "40" }, "customer_friendly_name": "Ada", "tag": "vip" });
    assert_eq!(done["updated"], json!(["Order 7", attributes]));
    assert_eq!(done["mine"], json!([[guest.conversation, guest.identity, "active"]]));
    assert_eq!(done["by_service"], 4);
    let mut after = vec![json!([3, "system", "unnamed", {}]), json!([2, "Bob", "", {}])];
    after.extend(first.into_iter().rev());
    assert_eq!(said(&done["after"]), after);
    assert_eq!(
        (&done["erased"], &done["closed"], &done["gone"]),
        (&json!(true), &json!("closed"), &json!(true))
    );
}

#[tokio::test]
async fn the_library_pages_through_1000_messages_and_1000_conversations() {
    let stack = Stack::start().await;
    let store = stack.store().await;
    for number in 1..=1000 {
        opened(&store, number, Identity::from_random([1; 16]), None, &stack.clock).await;
        stack.clock.advance(chrono::TimeDelta::milliseconds(i64::from(number % 3 == 0)));
    }
    let conversation = ConversationSid::from_bits(7);
    // With the welcome message 1,000.
    written(&store, conversation, (1..1000).map(|n| n.to_string()), &stack.clock).await;
    let closed = format!("/v1/Conversations/{}", ConversationSid::from_bits(1));
    assert_eq!(stack.desk_posts(&closed, &[("State", "closed")]).await.status, 200);

    let read = library(&stack, "pages", &json!({ "conversation": conversation })).await;
    let indexes: Vec<u32> = (0..1000).collect();
    assert_eq!(read["limited"], json!(indexes));
    assert!(read["first_url"].as_str().unwrap().contains("'PageSize': 1000"), "{}", read["first_url"]);
    assert_eq!(read["calls"], 10);
    assert_eq!(read["streamed"], json!(indexes.into_iter().rev().collect::<Vec<_>>()));
    let newest_first: Vec<_> = (1..=1000).rev().map(ConversationSid::from_bits).collect();
    assert_eq!(read["conversations"], json!(newest_first));
    assert_eq!(read["active"], 999);
    let second: Vec<u32> = (7..14).collect();
    assert_eq!(read["second"], json!([second, second]));
}

#[tokio::test]
async fn the_library_raises_errors_with_status_and_code() {
    let stack = Stack::start().await;
    let (guest, closed) = (stack.guest().await, stack.guest().await);
    let other = stack.guest_of("CV00000000000000000000000000000002").await;
    assert_eq!(stack.desk_posts(&closed.path(), &[("State", "closed")]).await.status, 200);
    let given = json!({
        "conversation": guest.conversation,
        "closed": closed.conversation,
        "other": other.conversation,
        "identity": guest.identity,
    });
    let raised = library(&stack, "errors", &given).await;
    for (call, kind, status, code) in [
        ("wrong_key", "rest", 401, 20003),
        ("missing", "rest", 404, 20404),
        ("missing_delete", "rest", 404, 20404),
        ("missing_message", "rest", 404, 20404),
        ("other_account", "rest", 404, 20404),
        ("other_service", "rest", 404, 20404),
        ("closed", "rest", 409, 50377),
        ("reopened", "rest", 400, 20001),
        ("empty", "rest", 400, 20001),
        ("unknown_parameter", "rest", 400, 20001),
        ("of_the_guest", "rest", 400, 20001),
        ("unique_name", "rest", 400, 20001),
        ("opened", "rest", 405, 20004),
        ("participants", "rest", 404, 20404),
        // Errors of lists are plain exceptions that carry the response.
        ("list_wrong_key", "bare", 401, 20003),
        ("list_inactive", "bare", 400, 20001),
        ("list_missing", "bare", 404, 20404),
    ] {
        let error = &raised[call];
        assert_eq!(
            (&error["type"], &error["status"], &error["code"]),
            (&json!(kind), &json!(status), &json!(code)),
            "{call}: {error}"
        );
    }
    let message = raised["unknown_parameter"]["message"].as_str().unwrap();
    assert!(message.ends_with("`ContentSid` is not supported."), "{message}");
}
