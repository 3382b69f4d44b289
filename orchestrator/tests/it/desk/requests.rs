//! Parameters, bodies and methods that are not accepted.

use serde_json::json;
use test_support::http::Request;

use crate::desk::{CONVERSATIONS, KEY, Stack, is_error, items, with_key};

/// What a text may hold at most, in bytes.
const MAX_BODY: usize = 32 * 1024;

#[tokio::test]
async fn unknown_parameters_are_rejected_by_name_and_page_is_ignored() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    let message = items(&stack.desk_gets(&guest.messages()).await)[0]["sid"].as_str().unwrap().to_owned();
    let message = format!("{}/{message}", guest.messages());
    let of_guest = format!("/v1/ParticipantConversations?Identity={}", guest.identity);
    for list in [format!("{CONVERSATIONS}?"), format!("{}?", guest.messages()), format!("{of_guest}&")] {
        assert_eq!(stack.desk_gets(&format!("{list}Page=3")).await.status, 200, "{list}");
        for parameter in ["MediaUrl", "page", "pagesize", "Address"] {
            let refused = stack.desk_gets(&format!("{list}{parameter}=hunter2")).await;
            assert_eq!(is_error(&refused, 400, 20001), format!("`{parameter}` is not supported."));
            refused.does_not_repeat("hunter2");
        }
    }
    for path in [guest.path(), message.clone()] {
        let refused = stack.desk_gets(&format!("{path}?Expand=hunter2")).await;
        assert_eq!(is_error(&refused, 400, 20001), "`Expand` is not supported.");
        let refused = stack.desk_deletes(&format!("{path}?Expand=hunter2")).await;
        assert_eq!(is_error(&refused, 400, 20001), "`Expand` is not supported.");
    }
    for parameter in ["MediaSid", "ContentSid", "ContentVariables", "Subject", "DateCreated", "body"] {
        let refused = stack.desk_posts(&guest.messages(), &[("Body", "Hello"), (parameter, "hunter2")]).await;
        assert_eq!(is_error(&refused, 400, 20001), format!("`{parameter}` is not supported."));
    }
    for parameter in ["UniqueName", "MessagingServiceSid", "Timers.Inactive", "Bindings.Email.Address"] {
        let refused = stack.desk_posts(&guest.path(), &[(parameter, "hunter2")]).await;
        assert_eq!(is_error(&refused, 400, 20001), format!("`{parameter}` is not supported."));
    }
    assert_eq!(items(&stack.desk_gets(&guest.messages()).await).len(), 1, "nothing was written");
}

#[tokio::test]
async fn malformed_parameters_are_rejected_and_not_repeated() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    for (query, parameter) in [
        ("State=inactive", "State"),
        ("State=hunter2", "State"),
        ("StartDate=hunter2", "StartDate"),
        ("EndDate=hunter2", "EndDate"),
        ("PageSize=hunter2", "PageSize"),
        ("PageSize=-1", "PageSize"),
        ("PageToken=hunter2", "PageToken"),
        ("State=active&State=closed", "State"),
        ("PageSize=1&PageSize=2", "PageSize"),
    ] {
        let refused = stack.desk_gets(&format!("{CONVERSATIONS}?{query}")).await;
        let message = is_error(&refused, 400, 20001);
        assert!(message.starts_with(&format!("`{parameter}` is ")), "{query}: {message}");
        refused.does_not_repeat("hunter2");
    }
    is_error(&stack.desk_gets("/v1/ParticipantConversations").await, 400, 20001);
    is_error(&stack.desk_gets(&format!("{}?Order=hunter2", guest.messages())).await, 400, 20001);
    let (long_name, long_text) = ("x".repeat(257), "x".repeat(MAX_BODY + 1));
    let long_attributes = json!({ "x": "x".repeat(16 * 1024) }).to_string();
    for (parameters, parameter) in [
        (vec![("State", "inactive")], "State"),
        (vec![("State", "active")], "State"),
        (vec![("State", "")], "State"),
        (vec![("FriendlyName", long_name.as_str())], "FriendlyName"),
        (vec![("FriendlyName", "a\u{202e}b")], "FriendlyName"),
        (vec![("Attributes", "hunter2")], "Attributes"),
        (vec![("Attributes", "[1]")], "Attributes"),
        (vec![("Attributes", &long_attributes)], "Attributes"),
    ] {
        let refused = stack.desk_posts(&guest.path(), &parameters).await;
        let message = is_error(&refused, 400, 20001);
        assert!(message.starts_with(&format!("`{parameter}` is malformed: ")), "{message}");
        refused.does_not_repeat("hunter2");
    }
    for (parameters, parameter) in [
        (vec![], "Body"),
        (vec![("Body", "")], "Body"),
        (vec![("Body", long_text.as_str())], "Body"),
        (vec![("Body", "a\u{0}b")], "Body"),
        (vec![("Body", "Hello"), ("Body", "Hello")], "Body"),
        (vec![("Body", "Hello"), ("Attributes", "null")], "Attributes"),
        (vec![("Body", "Hello"), ("Attributes", &long_attributes)], "Attributes"),
    ] {
        let message = is_error(&stack.desk_posts(&guest.messages(), &parameters).await, 400, 20001);
        assert!(message.starts_with(&format!("`{parameter}` is ")), "{message}");
    }
    let longest = "x".repeat(MAX_BODY);
    assert_eq!(stack.desk_posts(&guest.messages(), &[("Body", &longest)]).await.status, 201);
    // Percent-encoded it is three times as long.
    let longest = "é".repeat(MAX_BODY / 2);
    assert_eq!(stack.desk_posts(&guest.messages(), &[("Body", &longest)]).await.status, 201);
    assert_eq!(items(&stack.desk_gets(&guest.messages()).await).len(), 3);
}

#[tokio::test]
async fn bodies_are_forms_of_at_most_100_kib() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    let post = || with_key(Request::post(&guest.messages()), KEY);
    let large = format!("Body={}", "x".repeat(100 * 1024));
    is_error(&stack.sends(post().form(&large)).await, 413, 20001);
    is_error(&stack.sends(post().json(&json!(["Body", "Hello"]))).await, 400, 20001);
    is_error(&stack.sends(post().body("text/plain", "Body=Hello")).await, 415, 20001);
    is_error(&stack.sends(post().body("multipart/form-data; boundary=x", "--x--")).await, 415, 20001);
    let compressed = post().header("content-encoding", "gzip").form("Body=Hello");
    is_error(&stack.sends(compressed).await, 415, 20001);
    assert_eq!(items(&stack.desk_gets(&guest.messages()).await).len(), 1, "nothing was written");
}

#[tokio::test]
async fn other_methods_are_rejected_with_allow() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    let message = format!("{}/IM{:032}", guest.messages(), 1);
    for (path, allowed) in [
        (CONVERSATIONS.to_owned(), "GET, HEAD"),
        (guest.path(), "DELETE, GET, HEAD, POST"),
        (guest.messages(), "GET, HEAD, POST"),
        (message, "DELETE, GET, HEAD"),
        ("/v1/ParticipantConversations".to_owned(), "GET, HEAD"),
    ] {
        for method in ["PUT", "PATCH", "OPTIONS"] {
            let refused = stack.sends(with_key(Request::new(method, &path), KEY)).await;
            is_error(&refused, 405, 20004);
            let allow = refused.header("allow");
            let mut methods: Vec<&str> = allow.split(", ").collect();
            methods.sort_unstable();
            assert_eq!(methods.join(", "), allowed, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    for path in [
        "/",
        "/v1",
        "/v2/Webchat/Token",
        "/v1/Conversations/hunter2",
        "/v1/Conversations/IM00000000000000000000000000000001",
        &format!("{}/Participants", guest.path()),
        &format!("{}/Webhooks", guest.path()),
        &format!("{}/hunter2", guest.messages()),
        "/v1/Users",
    ] {
        let refused = stack.desk_gets(path).await;
        is_error(&refused, 404, 20404);
        refused.does_not_repeat("hunter2");
    }
    // Conversations are opened by guests.
    is_error(&stack.desk_posts(CONVERSATIONS, &[]).await, 405, 20004);
}
