//! The command `scoped-auth revoke` against a running service.

use std::process::{Command, Output};

use serde_json::json;

use crate::api::{ACCOUNT, OPERATOR_SECRET, Sas, generate_request};

async fn gives(sas: &Sas, secret: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scoped-auth"));
    command.env_clear().env("SCOPED_AUTH_OPERATOR_SECRET", secret).arg("revoke").args(arguments);
    command.args(["--address", &sas.running.admin_address.to_string()]);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn revoke_command_revokes_the_named_subject() {
    let sas = Sas::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let is_good =
        async |token: &str| sas.validates(&json!({"token": token})).await.body()["authorized"] == true;
    for whose in ["token", "session", "identity", "deployment", "account"] {
        let made = sas.generates(&generate_request(json!({}))).await.body();
        let member = |name: &str| made[name].as_str().unwrap().to_owned();
        let (token, session, identity) = (member("token"), member("session_id"), member("identity"));
        assert!(is_good(&token).await);
        std::fs::write(&file, format!("{token}\n")).unwrap();
        let path = file.to_str().unwrap();
        let arguments = match whose {
            "token" => vec!["--token-file", path],
            "session" => vec!["--session", &session],
            "identity" => vec!["--account", ACCOUNT, "--identity", &identity],
            "deployment" => vec!["--deployment", "CV00000000000000000000000000000001"],
            _ => vec!["--account", ACCOUNT],
        };
        let output = gives(&sas, OPERATOR_SECRET, &arguments).await;
        assert_eq!(output.status.code(), Some(0), "{whose}: {}", text(&output.stderr));
        let kind = if whose == "token" { "session" } else { whose };
        let printed = text(&output.stdout);
        assert!(printed.starts_with(&format!("{kind}: tokens of sessions that began before ")), "{printed}");
        // Only the token proves that there is such a session.
        let is_unknown =
            printed.ends_with("are rejected; whether there are any is not known: check the id\n");
        assert_eq!(is_unknown, whose != "token", "{printed}");
        assert!(!is_good(&token).await, "{whose}");
    }
}

/// ScopedAuthService knows no accounts: a mistyped one must not look like a revoked one.
#[tokio::test(flavor = "multi_thread")]
async fn revoke_command_does_not_claim_that_the_subject_exists() {
    let sas = Sas::start().await;
    let unknown = "ACffffffffffffffffffffffffffffffff";
    let guest = "ae2875d3-7947-41d0-9281-4f923d788a97";
    for arguments in [
        &["--account", unknown][..],
        &["--account", unknown, "--identity", guest],
        &["--deployment", "CVffffffffffffffffffffffffffffffff"],
        &["--session", guest],
    ] {
        let output = gives(&sas, OPERATOR_SECRET, arguments).await;
        let printed = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{printed}");
        assert!(printed.contains("whether there are any is not known"), "{printed}");
        assert!(!printed.contains("are over") && !printed.contains("are revoked"), "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn command_errors_are_one_line_without_secrets() {
    let sas = Sas::start().await;
    let wrong = gives(&sas, "not-the-operators-secret", &["--account", ACCOUNT]).await;
    assert_eq!(wrong.status.code(), Some(1));
    let printed = text(&wrong.stderr);
    assert!(printed.contains("invalid_service_credential") && printed.lines().count() == 1, "{printed}");
    assert!(!printed.contains("not-the-operators-secret"), "{printed}");
    let missing = gives(&sas, "", &["--account", ACCOUNT]).await;
    assert!(text(&missing.stderr).contains("SCOPED_AUTH_OPERATOR_SECRET"));
    for arguments in
        [&[][..], &["--identity", "x"], &["--account", "AC1"], &["--account", ACCOUNT, "--session", "x"]]
    {
        assert_eq!(gives(&sas, OPERATOR_SECRET, arguments).await.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn completions_are_printed_for_a_shell() {
    let command = |shell| {
        Command::new(env!("CARGO_BIN_EXE_scoped-auth")).args(["completions", shell]).output().unwrap()
    };
    let script = text(&command("bash").stdout);
    assert!(script.contains("revoke") && script.contains("keys"));
    assert_eq!(command("cmd.exe").status.code(), Some(2));
}
