//! No token, key, fingerprint or secret appears in anything that a full run writes: output, logs, metrics and
//! responses.

use std::fs;

use local_stack::{Guest, demo};
use serde_json::Value;

use crate::process::Process;

#[tokio::test]
async fn no_secrets_are_logged() {
    let data = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_local-stack"));
    // All log levels are on.
    command.args(["--free-ports", "--data"]).arg(data.path()).env("RUST_LOG", "trace,polling=off,mio=off");
    let mut stack = Process::start(&mut command);
    let addresses = stack.addresses();
    let [(orchestrator, _), (federated_auth, _), (scoped_auth, _)] = &addresses;

    let mut secrets = vec!["hunter2-the-body".to_owned(), "1795197600000".to_owned()];
    for deployment in [demo::DEPLOYMENT_ON, demo::DEPLOYMENT_OFF] {
        let guest = Guest::with_chrome(orchestrator, deployment);
        let created = guest.creates_token().await.text("token");
        let token = guest.refreshes_token(&created).await.text("token");
        let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
        guest.says(&token, &conversation, "hunter2-the-body").await;
        guest.reads_messages(&token, &conversation, None).await;
        guest.thief_with_firefox().refreshes_token(&token).await;
        guest.without("user-agent").refreshes_token(&token).await;
        secrets.extend([created, token]);
    }
    let guest = Guest::with_chrome(orchestrator, demo::DEPLOYMENT_ON);
    let tampered = format!("{}A", secrets.last().unwrap());
    for path in ["/v2/Webchat/Token/Refresh", "/v1/ScopedAuthTokens/validate"] {
        for url in [orchestrator, federated_auth, scoped_auth] {
            let call = guest.client().post(format!("{url}{path}")).bearer_auth(&tampered);
            guest
                .sends(call.json(&serde_json::json!({"deploymentKey": tampered, "token": [tampered]})))
                .await;
        }
    }

    let mut written = String::new();
    for (_, admin) in &addresses {
        written +=
            &guest.client().get(format!("{admin}/metrics")).send().await.unwrap().text().await.unwrap();
    }
    for expected in
        ["http_requests_total", "tokens_minted_total", "tokens_judged_total", "upstream_calls_total"]
    {
        assert!(written.contains(expected), "{expected}");
    }
    stack.signal("-INT");
    let (status, log) = stack.end();
    assert!(status.success());
    written += &log;
    assert!(
        log.contains("session_created") && log.contains("session_refused"),
        "the audit log has the event"
    );

    let keys: Value = serde_json::from_slice(&fs::read(data.path().join("keys.json")).unwrap()).unwrap();
    for key in keys["keys"].as_array().unwrap() {
        secrets.extend(["k", "d"].iter().filter_map(|part| key.get(part)?.as_str().map(str::to_owned)));
    }
    for file in ["fingerprint.key", "operator.secret"] {
        secrets.push(fs::read_to_string(data.path().join(file)).unwrap());
    }
    assert!(secrets.iter().all(|secret| secret.len() > 8));
    // A part of a token is as secret as the whole.
    let parts = secrets.iter().flat_map(|secret| secret.split('.')).filter(|part| part.len() > 8);
    for part in parts {
        // A token's header contains only the ids of its key and deployment, which are not secret.
        let leak = written.lines().find(|line| line.contains(part) && !part.starts_with("eyJ"));
        assert!(leak.is_none(), "written: {}", leak.unwrap_or_default());
    }
    for word in ["fp2.", "Bearer ", "bearer "] {
        let leak = written.lines().find(|line| line.contains(word) && !line.starts_with("curl "));
        assert!(leak.is_none(), "written: {}", leak.unwrap_or_default());
    }
}
