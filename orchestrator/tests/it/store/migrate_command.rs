//! The command `orchestrator migrate`: its output, its exit code, and the service that requires it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use crate::store::postgres::Cluster;

/// Runs the binary in a new folder with the database URL from a file.
fn orchestrator(folder: &Path, url: &str, arguments: &[&str]) -> Output {
    let file = folder.join("url");
    fs::write(&file, format!("{url}\n")).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    let accounts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../local-stack/accounts.demo.toml");
    Command::new(env!("CARGO_BIN_EXE_orchestrator"))
        .current_dir(folder)
        .args(arguments)
        .env_clear()
        .env("ORCHESTRATOR_DATABASE_URL_FILE", "url")
        .env("ORCHESTRATOR_LISTEN", "127.0.0.1:0")
        .env("ORCHESTRATOR_ADMIN_LISTEN", "127.0.0.1:0")
        .env("ORCHESTRATOR_ACCOUNTS_FILE", accounts)
        .env("ORCHESTRATOR_FEDERATED_AUTH_SECRET", "a-secret-of-16-or-more")
        .env(
            "ORCHESTRATOR_FINGERPRINT_KEY",
            "3b0c1f6f2d5e4a798897a6b5c4d3e2f100112233445566778899aabbccddeeff",
        )
        .output()
        .unwrap()
}

#[tokio::test]
async fn migrate_updates_the_schema_before_the_service_starts() {
    let folder = tempfile::tempdir().unwrap();
    let url = Cluster::shared().database().await;
    let refused = orchestrator(folder.path(), &url, &[]);
    let printed = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let line = "orchestrator: ORCHESTRATOR_DATABASE_URL: the database schema is older than this release; \
                run `orchestrator migrate` first";
    assert_eq!(printed.trim_end(), line);

    let migrate = || {
        let output = orchestrator(folder.path(), &url, &["migrate"]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let applied = "0001 conversations: applied\n";
    assert_eq!(migrate(), (Some(0), applied.to_owned()));
    assert_eq!(migrate(), (Some(0), "nothing to apply\n".to_owned()));
}

#[tokio::test]
async fn migrate_errors_are_one_line_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    for url in
        ["postgres://user:hunter2@127.0.0.1:1/db", "mysql://user:hunter2@host/db", "sqlite:url/below-a-file"]
    {
        let output = orchestrator(folder.path(), url, &["migrate"]);
        let printed = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), printed.lines().count()), (Some(1), 1), "{printed}");
        assert!(printed.starts_with("orchestrator: ORCHESTRATOR_DATABASE_URL_FILE: "), "{printed}");
        assert!(!printed.contains("hunter2"), "{printed}");
    }
    assert_eq!(orchestrator(folder.path(), "sqlite:db", &["migrate", "more"]).status.code(), Some(2));
}
