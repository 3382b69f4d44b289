//! `Idempotency-Key`: a repeated request is the first one, at the desk and at the guest's routes.

use std::collections::BTreeSet;

use serde_json::json;
use test_support::http::{Answer, Request};
use tokio::task::JoinSet;

use crate::desk::{Guest, KEY, Stack, WRITER, form, is_error, items, with_key};

fn of_desk(guest: &Guest<'_>, key: &str, body: &str) -> Request {
    let parameters = [("Author", "Bob"), ("Body", body)];
    with_key(Request::post(&guest.messages()), KEY).header("idempotency-key", key).form(&form(&parameters))
}

fn of_guest(guest: &Guest<'_>, key: &str, body: &str) -> Request {
    Request::post(&format!("/v2/WebChannels/{}/Messages", guest.conversation))
        .header("idempotency-key", key)
        .bearer(&guest.token)
        .json(&json!({ "body": body }))
}

/// Sends a request 64 times at once.
async fn in_parallel(request: Request, address: std::net::SocketAddr) -> Vec<Answer> {
    let mut sent = JoinSet::new();
    for _ in 0..64 {
        let request = request.clone();
        // Over a limit of connections or of requests in flight, it is sent again, as a client does.
        sent.spawn(async move {
            loop {
                let answer = request.send(address).await;
                if answer.status != 503 {
                    return answer;
                }
            }
        });
    }
    sent.join_all().await
}

#[tokio::test]
async fn parallel_requests_of_one_key_are_one_message() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    for (count, request, address) in [
        (2, of_desk(&guest, "k", "Hello"), stack.desk()),
        (3, of_guest(&guest, "k", "Hello"), stack.public()),
    ] {
        let answers = in_parallel(request, address).await;
        let distinct: BTreeSet<&str> = answers.iter().map(|answer| answer.text.as_str()).collect();
        assert!(answers.iter().all(|answer| answer.status == 201), "{distinct:?}");
        assert_eq!(distinct.len(), 1, "{distinct:?}");
        assert_eq!(items(&stack.desk_gets(&guest.messages()).await).len(), count);
    }
}

#[tokio::test]
async fn another_message_of_one_key_is_a_conflict() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    assert_eq!(stack.sends(of_desk(&guest, "k", "Hello")).await.status, 201);
    is_error(&stack.sends(of_desk(&guest, "k", "Hello!")).await, 409, 20409);
    let other_author = with_key(Request::post(&guest.messages()), KEY)
        .header("idempotency-key", "k")
        .form("Author=Eve&Body=Hello");
    is_error(&stack.sends(other_author).await, 409, 20409);
    let with_attributes = with_key(Request::post(&guest.messages()), KEY)
        .header("idempotency-key", "k")
        .form("Author=Bob&Body=Hello&Attributes=%7B%22a%22%3A1%7D");
    is_error(&stack.sends(with_attributes).await, 409, 20409);

    assert_eq!(of_guest(&guest, "k", "Hi").send(stack.public()).await.status, 201);
    of_guest(&guest, "k", "Hi!").send(stack.public()).await.is_refusal(409, "idempotency_key_reused");
    let seen: Vec<_> = items(&stack.desk_gets(&guest.messages()).await)
        .iter()
        .map(|message| message["body"].clone())
        .collect();
    assert_eq!(seen, ["Welcome!", "Hello", "Hi"]);
}

#[tokio::test]
async fn a_key_belongs_to_its_writer_and_conversation() {
    let stack = Stack::start().await;
    let (first, second) = (stack.guest().await, stack.guest().await);
    let mut sids = BTreeSet::new();
    for guest in [&first, &second] {
        sids.insert(stack.sends(of_desk(guest, "k", "Hello")).await.member("sid"));
        let writer = with_key(of_desk(guest, "k", "Hello").without("authorization"), WRITER);
        sids.insert(stack.sends(writer).await.member("sid"));
        sids.insert(of_guest(guest, "k", "Hello").send(stack.public()).await.member("sid"));
    }
    assert_eq!(sids.len(), 6);
}

#[tokio::test]
async fn a_repetition_is_answered_after_the_end_and_after_the_erasure_of_its_text() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    let first = stack.sends(of_desk(&guest, "k", "Hello")).await;
    assert_eq!(stack.desk_posts(&guest.path(), &[("State", "closed")]).await.status, 200);
    let again = stack.sends(of_desk(&guest, "k", "Hello")).await;
    assert_eq!((again.status, &again.text), (201, &first.text));
    is_error(&stack.sends(of_desk(&guest, "other", "Hello")).await, 409, 50377);
    let message = format!("{}/{}", guest.messages(), first.member("sid"));
    assert_eq!(stack.desk_deletes(&message).await.status, 204);
    let again = stack.sends(of_desk(&guest, "k", "Hello")).await;
    assert_eq!(
        (again.status, again.member("sid"), again.member("body")),
        (201, first.member("sid"), String::new())
    );
}

#[tokio::test]
async fn keys_have_1_to_255_bytes() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    for key in ["x".repeat(256), String::new()] {
        let refused = stack.sends(of_desk(&guest, &key, "Hello")).await;
        assert!(is_error(&refused, 400, 20001).starts_with("`Idempotency-Key` is malformed: "));
    }
    assert_eq!(stack.sends(of_desk(&guest, &"x".repeat(255), "Hello")).await.status, 201);
}
