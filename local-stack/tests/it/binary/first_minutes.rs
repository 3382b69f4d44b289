//! The first steps of a new user: start the stack, paste the three commands, edit the accounts.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use local_stack::{Guest, demo};
use serde_json::Value;

use crate::process::Process;

#[test]
fn the_readmes_three_commands_work() {
    let data = tempfile::tempdir().unwrap();
    let mut stack = Process::stack(data.path());
    let mut script = String::from("set -e\n");
    for beginning in ["TOKEN=$(curl", "TOKEN=$(curl", "curl"] {
        script += &stack.until(beginning);
        script.push('\n');
    }
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert!(output.status.success());
    let [created, refreshed] = {
        let printed = String::from_utf8(output.stderr).unwrap();
        let mut answers =
            serde_json::Deserializer::from_str(&printed).into_iter::<Value>().map(Result::unwrap);
        [answers.next().unwrap(), answers.next().unwrap()]
    };
    let opened: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(refreshed["valid"], true);
    assert_eq!(opened["identity"], created["identity"]);
    assert_eq!(opened["identity"], refreshed["identity"]);
    assert!(opened["conversation_sid"].as_str().unwrap().starts_with("CH"));
    for secret in ["keys.json", "fingerprint.key", demo::DESK_SECRET, "conversations.db"] {
        let mode = fs::metadata(data.path().join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
}

#[test]
fn the_printed_command_of_the_desk_works_after_a_lost_secret() {
    let data = tempfile::tempdir().unwrap();
    let secret_file = data.path().join(demo::DESK_SECRET);
    let mut secrets = Vec::new();
    for _ in 0..2 {
        let mut stack = Process::stack(data.path());
        let command = stack.until("/v1/Conversations");
        let secret = fs::read_to_string(&secret_file).unwrap();
        assert!(!command.contains(&secret), "{command}");
        let output = Command::new("bash").args(["-c", &command]).output().unwrap();
        let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(listed["conversations"], serde_json::json!([]));
        let accounts = fs::read_to_string(data.path().join("accounts.toml")).unwrap();
        assert!(!accounts.contains(&secret));
        assert_eq!(accounts.matches("[[account.api_key]]").count(), 1);
        stack.signal("-TERM");
        let (status, printed) = stack.end();
        assert!(status.success() && !printed.contains(&secret));
        assert!(!secrets.contains(&secret));
        secrets.push(secret);
        fs::remove_file(&secret_file).unwrap();
    }
}

#[tokio::test]
async fn the_first_listed_page_works_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut stack = Process::stack(data.path());
        let line = stack.until("Look here first");
        let page = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
        let [(orchestrator, _), ..] = stack.addresses();
        // Its port changes at each start.
        let guest = Guest::with_chrome(&orchestrator, demo::DEPLOYMENT_PAGE).with("origin", page);
        assert_eq!(guest.creates_token().await.status, 200);
        let served = guest.client().get(page).send().await.unwrap().text().await.unwrap();
        assert!(served.contains("<h1>"));
        stack.signal("-TERM");
        assert!(stack.end().0.success());
    }
}

#[tokio::test]
async fn invalid_accounts_edit_is_reported_with_its_line_and_ignored() {
    let data = tempfile::tempdir().unwrap();
    let mut stack = Process::stack(data.path());
    stack.until("key file not found, generated a new one");
    let [(orchestrator, _), ..] = stack.addresses();
    let accounts = data.path().join("accounts.toml");
    let good = fs::read_to_string(&accounts).unwrap();
    let line = good.lines().position(|line| line.contains("fingerprint_sensitivity")).unwrap() + 1;
    fs::write(&accounts, good.replacen(r#""medium""#, r#""paranoid""#, 1)).unwrap();
    let printed = stack.until("ERROR");
    assert!(printed.contains(&format!(r#""line":{line}"#)) && printed.contains("paranoid"), "{printed}");
    let guest = Guest::with_chrome(&orchestrator, demo::DEPLOYMENT_ON);
    assert_eq!(guest.creates_token().await.status, 200);
}

#[tokio::test]
async fn sessions_and_conversations_survive_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let mut stack = Process::stack(data.path());
    let [(orchestrator, _), ..] = stack.addresses();
    let guest = Guest::with_chrome(&orchestrator, demo::DEPLOYMENT_ON);
    let token = guest.creates_token().await.text("token");
    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
    guest.says(&token, &conversation, "still there?").await;
    stack.signal("-TERM");
    assert!(stack.end().0.success());

    let mut stack = Process::stack(data.path());
    let [(orchestrator, _), ..] = stack.addresses();
    let guest = Guest::with_chrome(&orchestrator, demo::DEPLOYMENT_ON);
    let refreshed = guest.refreshes_token(&token).await;
    assert_eq!(refreshed.text("conversation_sid"), conversation);
    let messages = guest.reads_messages(&refreshed.text("token"), &conversation, None).await;
    assert_eq!(messages.body["messages"][1]["body"], "still there?");
}

#[test]
fn a_file_that_cannot_be_created_is_named() {
    type Obstruct = fn(&Path);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // Root may write everywhere, so the obstacle is not a permission.
    let obstacles: [(&str, Obstruct); 3] = [
        ("data", |data| fs::write(data, "a file").unwrap()),
        (demo::DESK_SECRET, |data| fs::create_dir_all(data.join(demo::DESK_SECRET)).unwrap()),
        ("accounts.toml", |data| fs::create_dir_all(data.join("accounts.toml")).unwrap()),
    ];
    for (named, obstruct) in obstacles {
        obstruct(&data);
        let output = Command::new(env!("CARGO_BIN_EXE_local-stack"))
            .args(["--free-ports", "--without-page", "--data"])
            .arg(&data)
            .output()
            .unwrap();
        let log = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        let line = log
            .lines()
            .find(|line| line.contains("start failed"))
            .unwrap_or_else(|| panic!("{named}: {log}"));
        let path = if named == "data" { data.clone() } else { data.join(named) };
        assert!(line.contains(path.to_str().unwrap()), "{named}: {line}");
        drop(fs::remove_file(&data).or_else(|_| fs::remove_dir_all(&data)));
    }
}
