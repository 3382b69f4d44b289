//! The stack's output on a terminal.

use std::process::Command;

use local_stack::{Guest, demo};

use crate::process::Process;

/// The stack with its page in a pseudo-terminal. Returns what it has written after a request and Ctrl-C.
async fn output_on_a_terminal(filter: Option<&str>) -> String {
    let data = tempfile::tempdir().unwrap();
    let line = format!(
        "echo pid $$; exec {} --without-starship --free-ports --data {}",
        env!("CARGO_BIN_EXE_local-stack"),
        data.path().display()
    );
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_remove("RUST_LOG");
    let mut stack = Process::start(command.envs(filter.map(|filter| ("RUST_LOG", filter))));
    let pid = stack.until("pid ").trim().trim_start_matches("pid ").to_owned();
    let [(orchestrator, _), ..] = stack.addresses();
    stack.until("Log: RUST_LOG=");
    let guest = Guest::with_chrome(&orchestrator, demo::DEPLOYMENT_ON);
    assert_eq!(guest.creates_token().await.status, 200);
    let kill = format!("kill -INT {pid}");
    assert!(Command::new("bash").args(["-c", &kill]).status().unwrap().success());
    let (status, written) = stack.end();
    assert!(status.success() && written.contains("stopping"), "{written}");
    written
}

#[tokio::test]
async fn requests_do_not_scroll_the_addresses_away() {
    let written = output_on_a_terminal(None).await;
    assert!(!written.contains("duration_us"), "{written}");
}

#[tokio::test]
async fn rust_log_shows_requests_on_a_terminal() {
    let written = output_on_a_terminal(Some("info")).await;
    assert!(written.contains("duration_us"), "{written}");
}
