//! The command `orchestrator webhooks …`.

use std::process::Command;

use test_support::scripted_peer::ScriptedPeer;

use super::{accept, received, requests, stack, status};
use crate::desk::{ACCOUNT, Stack};

/// Runs the command beside the running service: exit code, output and errors.
fn runs(stack: &Stack, arguments: &[&str]) -> (Option<i32>, String, String) {
    runs_with(stack, arguments, &[])
}

/// With more variables of the environment.
fn runs_with(stack: &Stack, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    runs_command(stack, "webhooks", arguments, variables)
}

fn runs_command(
    stack: &Stack,
    command: &str,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    let folder = stack.data.path();
    let output = Command::new(env!("CARGO_BIN_EXE_orchestrator"))
        .current_dir(folder)
        .env_clear()
        .env("ORCHESTRATOR_DATABASE_URL", "sqlite://conversations.db")
        .env("ORCHESTRATOR_ACCOUNTS_FILE", folder.join("accounts.toml"))
        .env("ORCHESTRATOR_WEBHOOK_ALLOW_PRIVATE", "true")
        .envs(variables.iter().copied())
        .arg(command)
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_events_are_listed_and_replayed() {
    let receiver = ScriptedPeer::with(vec![status(410, ""), status(410, ""), accept()]).await;
    let url = format!("{}/hook", receiver.url());
    let stack = stack(&url).await;
    let guest = stack.guest().await;
    guest.says("hello").await;
    received(&receiver, 2).await;
    guest.says("again").await;
    let webhooks = received(&receiver, 3).await;
    let account = ACCOUNT.to_string();
    let (code, listed, _) = runs(&stack, &["failed", "--account", &account]);
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!((code, lines.len()), (Some(0), 2), "{listed}");
    let (id, conversation) = (webhooks[0].id.as_str(), guest.conversation.as_str());
    assert_eq!(lines[1][1..], ["conversation.opened", conversation, "0", id, &url]);
    let limited = runs(&stack, &["failed", "--account", &account, "--limit", "1"]).1;
    assert_eq!(limited.lines().count(), 1);
    let other = "CH00000000000000000000000000000001";
    let none = runs(&stack, &["replay", "--account", &account, "--conversation", other]);
    assert_eq!(none.1, format!("0 events replayed to {url}\n"));
    let replayed = runs(&stack, &["replay", "--account", &account, "--url", &url]);
    assert_eq!((replayed.0, replayed.1), (Some(0), format!("2 events replayed to {url}\n")));
    let webhooks = received(&receiver, 5).await;
    assert_eq!(
        [&webhooks[3].id, &webhooks[4].id],
        [&webhooks[0].id, &webhooks[1].id],
        "in order, with their ids"
    );
    assert_eq!(runs(&stack, &["failed", "--account", &account]).1, "");
}

/// A proxy would judge addresses in our place, and read what is sent to an `http` URL.
#[tokio::test(flavor = "multi_thread")]
async fn proxies_of_the_environment_are_not_used() {
    let (receiver, proxy) = (ScriptedPeer::that(accept()).await, ScriptedPeer::that(accept()).await);
    let stack = stack(&receiver.url()).await;
    let url = proxy.url();
    let variables = ["http_proxy", "HTTPS_PROXY", "ALL_PROXY"].map(|name| (name, url.as_str()));
    let tested = runs_with(&stack, &["test", "--account", &ACCOUNT.to_string()], &variables);
    assert_eq!((tested.0, receiver.seen().len(), proxy.seen().len()), (Some(0), 1, 0), "{}", tested.2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_tested() {
    let receiver = ScriptedPeer::with(vec![accept(), status(500, "")]).await;
    let url = receiver.url();
    let stack = stack(&format!("{url}/")).await;
    let account = ACCOUNT.to_string();
    let test = || runs(&stack, &["test", "--account", &account]);
    assert_eq!(test(), (Some(0), format!("accepted by {url}/\n"), String::new()));
    let (code, output, errors) = test();
    assert_eq!((code, output), (Some(1), format!("failed at {url}/: status 500\n")));
    assert!(errors.contains("not every webhook accepted the event"), "{errors}");
    let webhooks = requests(&receiver);
    assert_eq!(webhooks[0].signature, webhooks[0].signed_with(super::SECRET));
    assert_eq!(webhooks[0].body["data"]["conversation_sid"], format!("CH{:032}", 0));
    assert_ne!(webhooks[0].id, webhooks[1].id);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_arguments_are_named() {
    let stack = stack("http://127.0.0.1:9/hook").await;
    for (arguments, expected) in [
        (vec!["failed"], "--account"),
        (vec!["failed", "--account", "AC1"], "AC1"),
        (vec!["failed", "--account", "AC00000000000000000000000000000009"], "is not in"),
        (vec!["failed", "--account", "AC00000000000000000000000000000002"], "has no such webhook"),
        (
            vec!["replay", "--account", "AC00000000000000000000000000000001", "--url", "http://127.0.0.1:9/"],
            "has no such webhook",
        ),
        (vec!["test", "--account", "AC00000000000000000000000000000001"], "not every webhook"),
    ] {
        let (code, _, errors) = runs(&stack, &arguments);
        assert_ne!(code, Some(0), "{arguments:?}");
        assert!(errors.contains(expected), "{arguments:?}: {errors}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_by_command_is_reported() {
    let receiver = ScriptedPeer::that(accept()).await;
    let stack = stack(&receiver.url()).await;
    let guest = stack.guest().await;
    received(&receiver, 1).await;
    let guest_arguments = ["erase", "--account", &ACCOUNT.to_string(), "--identity", &guest.identity];
    let (code, _, errors) = runs_command(&stack, "guests", &guest_arguments, &[]);
    assert_eq!(code, Some(0), "{errors}");
    let webhooks = received(&receiver, 2).await;
    assert_eq!(webhooks[1].event_type(), "conversation.erased");
    assert_eq!(webhooks[1].body["data"]["conversation_sid"], guest.conversation);
}
