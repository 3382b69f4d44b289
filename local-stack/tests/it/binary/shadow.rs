//! The log while an account's `fingerprint_mode` is `shadow`: which requests would have been rejected, and why.

use std::fs;

use local_stack::{Guest, demo};
use serde_json::Value;

use crate::process::Process;

#[tokio::test]
async fn shadow_mode_logs_signal_names_never_values() {
    let data = tempfile::tempdir().unwrap();
    let accounts = demo::ACCOUNTS.replacen(r#""enforce""#, r#""shadow""#, 1);
    assert!(accounts.contains(r#"fingerprint_mode = "shadow""#));
    fs::write(data.path().join("accounts.toml"), accounts).unwrap();
    let mut stack = Process::stack(data.path());
    let [(orchestrator, _), ..] = stack.addresses();
    let guest = Guest::with_chrome(&orchestrator, demo::DEPLOYMENT_ON);
    let token = guest.creates_token().await.text("token");
    assert_eq!(guest.thief_with_firefox().refreshes_token(&token).await.status, 200);
    let updated = guest.headers["user-agent"].replace("146", "147");
    assert_eq!(guest.with("user-agent", &updated).refreshes_token(&token).await.status, 200);
    stack.signal("-INT");
    let (_, log) = stack.end();
    let events: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let event = |name: &str| events.iter().find(|event| event["event"] == name).unwrap();

    let refused = event("fingerprint_refused_in_shadow");
    assert_eq!(refused["broke"], "family,operating_system");
    assert_eq!(refused["drifted"], "major_version,hinted_version,brand,platform");
    assert!(refused["held"].as_str().unwrap().starts_with("mobile,origin,deployment_key,login_timestamp"));
    assert_eq!((&refused["points"], &refused["strictest_level"]), (&2.into(), &"none".into()));
    let drifted = event("fingerprint_drifted");
    assert_eq!((&drifted["drifted"], &drifted["strictest_level"]), (&"major_version".into(), &"high".into()));
    for event in [refused, drifted] {
        assert_eq!(event["comparable"], true);
        let text = event.to_string();
        assert!(
            !["Firefox", "Chrome", "Windows", "Linux", "127.0.0.1"].iter().any(|value| text.contains(value))
        );
    }
}
