//! The three services connected in memory: a single process without an internal network.

use std::{collections::HashSet, fs};

use local_stack::{Guest, demo};

use crate::process::Process;

#[tokio::test]
async fn in_process_stack_works_without_internal_listeners() {
    let data = tempfile::tempdir().unwrap();
    let mut stack = Process::stack_in_process(data.path());
    let orchestrator = stack.until("FlexWebchatOrchestratorService ");
    let [fas, sas] = ["FederatedAuthService ", "ScopedAuthService "].map(|name| stack.until(name));
    let urls = |line: &str| -> Vec<String> {
        line.split_whitespace().filter(|word| word.starts_with("http://")).map(str::to_owned).collect()
    };
    let [url, operators] = urls(&orchestrator).try_into().unwrap();
    let mut admins = vec![operators];
    for line in [&fas, &sas] {
        assert!(line.contains("in this process"), "{line}");
        let [operators] = urls(line).try_into().unwrap();
        admins.push(operators);
    }
    assert_eq!(
        listening(stack.id()),
        7,
        "the public side, the desk's, the proxies', three for operators, and the customer's site"
    );

    let guest = Guest::with_chrome(&url, demo::DEPLOYMENT_ON);
    let token = guest.creates_token().await.text("token");
    let token = guest.refreshes_token(&token).await.text("token");
    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
    assert_eq!(guest.says(&token, &conversation, "Hello?").await.status, 201);
    for admin in admins {
        let ask = async |path: &str| guest.client().get(format!("{admin}{path}")).send().await.unwrap();
        assert_eq!(ask("/readyz").await.status(), 200, "{admin}");
        let counted = ask("/metrics").await.text().await.unwrap();
        let requests = counted.lines().filter(|line| line.starts_with("http_requests_total{"));
        let answered = requests.filter(|line| !line.ends_with(" 0")).count();
        assert!(answered > 0, "each service counts its responses:\n{counted}");
    }
    stack.signal("-TERM");
    let (status, output) = stack.end();
    assert!(status.success());
    for service in ["FlexWebchatOrchestratorService", "FederatedAuthService", "ScopedAuthService"] {
        let lines = output.lines().filter(|line| line.contains(r#""target":"access""#));
        assert!(
            lines.filter(|line| line.contains(service)).count() >= 4,
            "each writes its own log:\n{output}"
        );
    }
}

/// The number of listening sockets of a process.
fn listening(process: u32) -> usize {
    let held: HashSet<String> = fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .filter_map(|entry| Some(fs::read_link(entry.ok()?.path()).ok()?.to_str()?.to_owned()))
        .collect();
    let sockets = fs::read_to_string(format!("/proc/{process}/net/tcp")).unwrap();
    let is_its_own = |line: &&str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        fields[3] == "0A" && held.contains(&format!("socket:[{}]", fields[9]))
    };
    sockets.lines().skip(1).filter(is_its_own).count()
}
