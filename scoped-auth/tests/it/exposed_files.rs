//! A warning at the start for each file with a secret that all users of the machine may access.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use test_support::authority::{Authority, Flaw, put};

/// The log lines of the binary until it has started.
fn log(folder: &Path) -> Vec<String> {
    let path = |name: &str| folder.join(name);
    let mut service = Command::new(env!("CARGO_BIN_EXE_scoped-auth"))
        .env_clear()
        .env("SCOPED_AUTH_LISTEN", "127.0.0.1:0")
        .env("SCOPED_AUTH_ADMIN_LISTEN", "127.0.0.1:0")
        .env("SCOPED_AUTH_DATABASE_URL", "sqlite::memory:")
        .env("SCOPED_AUTH_FEDERATED_AUTH_SECRET_FILE", path("secret"))
        .env("SCOPED_AUTH_OPERATOR_SECRET_FILE", path("operator"))
        .env("SCOPED_AUTH_KEYS_FILE", path("keys.json"))
        .env("SCOPED_AUTH_TLS_CERTIFICATE", path("callee.pem"))
        .env("SCOPED_AUTH_TLS_KEY", path("callee.key"))
        .env("SCOPED_AUTH_TLS_CLIENT_CA", path("ca.pem"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(service.stderr.take().unwrap()).lines().map_while(Result::ok) {
        let is_started = line.contains("started");
        lines.push(line);
        if is_started {
            break;
        }
    }
    service.kill().unwrap();
    service.wait().unwrap();
    lines
}

#[test]
fn files_with_secrets_that_all_users_may_access_are_logged() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("the services' authority");
    put(folder.path(), "ca.pem", authority.pem());
    authority.issues("callee", folder.path(), Flaw::None);
    put(folder.path(), "keys.json", include_str!("../vectors/keys.json"));
    for secret in ["secret", "operator"] {
        put(folder.path(), secret, "0123456789abcdef\n");
    }
    let secrets = ["secret", "operator", "keys.json", "callee.key"];
    for (mode, is_logged) in [(0o644, true), (0o640, false)] {
        for file in secrets {
            fs::set_permissions(folder.path().join(file), fs::Permissions::from_mode(mode)).unwrap();
        }
        let lines = log(folder.path());
        assert!(lines.last().is_some_and(|line| line.contains("started")), "{lines:?}");
        for file in secrets {
            let path = folder.path().join(file);
            let is_warning =
                |line: &String| line.contains("WARN") && line.contains(&*path.display().to_string());
            assert_eq!(lines.iter().any(is_warning), is_logged, "{file} {mode:o}: {lines:?}");
        }
    }
}
