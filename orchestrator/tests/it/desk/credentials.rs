//! API keys: which are accepted, what they reach, and how fast a removed one stops working.

use std::{sync::Arc, time::Duration};

use orchestrator::accounts::AccountsFile;
use service_runtime::{Clock, Listeners, watched_file::ReloadOutcome};
use test_support::{http::Request, services, within};

use crate::desk::{
    CONVERSATIONS, ERASER, KEY, OTHER, READER, SERVICE, Stack, WRITER, accounts, is_error, items, with_key,
};

#[tokio::test]
async fn wrong_credentials_are_rejected_alike() {
    let stack = Stack::start().await;
    let path = CONVERSATIONS;
    let unknown = "SK0000000000000000000000000000ffff";
    let mut messages = Vec::new();
    for request in [
        Request::get(path),
        Request::get(path).bearer("secret-of-all"),
        Request::get(path).header("authorization", "Basic"),
        Request::get(path).header("authorization", "Basic !"),
        Request::get(path).header("authorization", "Basic bm9jb2xvbg=="),
        with_key(Request::get(path), (KEY.0, "wrong")),
        with_key(Request::get(path), (KEY.0, "")),
        with_key(Request::get(path), (KEY.0, OTHER.1)),
        with_key(Request::get(path), (unknown, KEY.1)),
        with_key(Request::get(path), ("AC00000000000000000000000000000001", KEY.1)),
        // Neither a route nor a method is shown without credentials.
        Request::get("/v1/Nothing"),
        Request::new("PUT", path),
    ] {
        let refused = stack.sends(request).await;
        messages.push(is_error(&refused, 401, 20003));
        assert_eq!(refused.header("www-authenticate"), r#"Basic realm="desk""#);
        refused.does_not_repeat(KEY.1);
        refused.does_not_repeat(unknown);
    }
    messages.dedup();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(stack.sends(with_key(Request::get(path), KEY)).await.status, 200);
}

#[tokio::test]
async fn a_key_does_what_its_scopes_allow() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    let reads = || Request::get(CONVERSATIONS);
    let writes = || Request::post(&guest.messages()).form("Body=Hello");
    let closes = || Request::post(&guest.path()).form("");
    let erases = || Request::new("DELETE", &format!("{}/IM{:032}", guest.messages(), 9));
    for (key, allowed) in [
        (READER, [true, false, false, false]),
        (WRITER, [false, true, true, false]),
        (ERASER, [false, false, false, true]),
        (KEY, [true; 4]),
    ] {
        let requests = [
            (reads(), 200, "read"),
            (writes(), 201, "write"),
            (closes(), 200, "write"),
            (erases(), 404, "erase"),
        ];
        for ((request, status, scope), allowed) in requests.into_iter().zip(allowed) {
            let answer = stack.sends(with_key(request, key)).await;
            if allowed {
                assert_eq!(answer.status, status, "{} {scope}", key.0);
            } else {
                assert_eq!(is_error(&answer, 403, 20403), format!("The API key lacks the scope `{scope}`."));
            }
        }
    }
}

#[tokio::test]
async fn browsers_are_refused() {
    let stack = Stack::start().await;
    for (name, value) in [
        ("origin", "https://desk.example.com"),
        ("origin", "null"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "cors"),
        ("Sec-Fetch-Dest", "empty"),
    ] {
        let request = with_key(Request::get(CONVERSATIONS).header(name, value), KEY);
        let answer = stack.sends(request).await;
        is_error(&answer, 403, 20403);
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    let preflight = Request::new("OPTIONS", CONVERSATIONS).header("origin", "https://desk.example.com");
    is_error(&stack.sends(preflight).await, 403, 20403);
}

#[tokio::test]
async fn a_key_reaches_its_account_only() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    assert_eq!(guest.says("Hello").await.status, 201);
    let message = items(&stack.desk_gets(&guest.messages()).await)[1]["sid"].as_str().unwrap().to_owned();
    let missing = "/v1/Conversations/CH000000000000000000000000000000ff";
    let never = format!("{missing}/Messages/IM000000000000000000000000000000ff");
    let of_other = |request: Request| stack.sends(with_key(request, OTHER));
    let mut bodies = Vec::new();
    for (conversation, message) in
        [(guest.path(), format!("{}/{message}", guest.messages())), (missing.to_owned(), never)]
    {
        for request in [
            Request::get(&conversation),
            Request::post(&conversation).form("State=closed"),
            Request::new("DELETE", &conversation),
            Request::get(&format!("{conversation}/Messages")),
            Request::post(&format!("{conversation}/Messages")).form("Body=Hello"),
            Request::get(&message),
            Request::new("DELETE", &message),
        ] {
            let answer = of_other(request).await;
            is_error(&answer, 404, 20404);
            bodies.push(answer.text);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "a conversation of another account and a missing one have the same error");
    assert_eq!(items(&of_other(Request::get(CONVERSATIONS)).await).len(), 0);
    let of_guest = Request::get(&format!("/v1/ParticipantConversations?Identity={}", guest.identity));
    assert_eq!(items(&of_other(of_guest).await).len(), 0);
    // Nothing changed.
    assert_eq!(stack.desk_gets(&guest.path()).await.member("state"), "active");
    assert_eq!(items(&stack.desk_gets(&guest.messages()).await).len(), 2);
}

#[tokio::test]
async fn a_path_may_name_the_accounts_service_and_no_other() {
    let stack = Stack::start().await;
    let guest = stack.guest().await;
    let within_service =
        |service: &str, path: &str| path.replacen("/v1", &format!("/v1/Services/{service}"), 1);
    let of_guest = format!("/v1/ParticipantConversations?Identity={}", guest.identity);
    for path in [CONVERSATIONS.to_owned(), guest.path(), guest.messages(), of_guest] {
        let plain = stack.desk_gets(&path).await;
        let prefixed = stack.desk_gets(&within_service(SERVICE, &path)).await;
        assert_eq!((plain.status, prefixed.status), (200, 200), "{path}");
        // URLs keep the prefix.
        assert_eq!(prefixed.text.replace(&format!("/Services/{SERVICE}"), ""), plain.text);
        assert!(prefixed.text.contains(&format!("http://service/v1/Services/{SERVICE}/")));
        for other in ["IS00000000000000000000000000000002", "IS1", "CH00000000000000000000000000000001"] {
            is_error(&stack.desk_gets(&within_service(other, &path)).await, 404, 20404);
        }
    }
    let written = stack.desk_posts(&within_service(SERVICE, &guest.messages()), &[("Body", "Hi")]).await;
    assert_eq!(written.status, 201);
    let elsewhere = within_service("IS00000000000000000000000000000002", &guest.path());
    is_error(&stack.desk_deletes(&elsewhere).await, 404, 20404);
}

#[tokio::test]
async fn a_removed_key_stops_working_within_a_second() {
    let (data, clock) = (tempfile::tempdir().unwrap(), Clock::adjustable());
    let closed = test_support::scripted_peer::ClosedPort::reserve();
    let mut config = services::orchestrator(data.path(), closed.address, &clock);
    config.desk_listen = Some("127.0.0.1:0".parse().unwrap());
    // As in `Config::from_environment`.
    config.accounts_period = Duration::from_millis(400);
    let path = config.accounts_file.clone();
    std::fs::write(&path, accounts()).unwrap();
    let file = Arc::new(AccountsFile::load(&path).await.unwrap());
    let mut reloads = file.reloads();
    let running = orchestrator::start_with(config, file, Listeners::loopback().unwrap()).await.unwrap();
    let desk = running.additional_addresses()[0];
    let reads = async || with_key(Request::get(CONVERSATIONS), KEY).send(desk).await;
    assert_eq!(reads().await.status, 200);

    let without = accounts().replace(KEY.0, "SK0000000000000000000000000000eeee");
    let new = path.with_extension("new");
    std::fs::write(&new, without).unwrap();
    std::fs::rename(&new, &path).unwrap();
    // Two reads of the file, and what a busy machine adds.
    let changed = within(Duration::from_secs(5), "the file is read again", reloads.changed());
    changed.await.unwrap();
    assert_eq!(reloads.borrow().outcome, ReloadOutcome::Loaded);
    is_error(&reads().await, 401, 20003);
    running.stop().await;
}
