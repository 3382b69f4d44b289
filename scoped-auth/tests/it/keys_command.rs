//! The command `scoped-auth keys …`: its output, its changes to the file, and its exit code.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// The vectors' keys: enc-1 active, enc-2 next, enc-3 retired; sig-1 active, sig-2 next.
const KEYS: &str = include_str!("../vectors/keys.json");

struct Operator {
    folder: TempDir,
}

impl Operator {
    fn with(text: Option<&str>) -> Self {
        let operator = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        if let Some(text) = text {
            fs::write(operator.path(), text).expect("a file");
        }
        operator
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("keys.json")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).expect("a file")
    }

    /// `kid` and `status` of each key.
    fn keys(&self) -> Vec<(String, String)> {
        let set: Value = serde_json::from_str(&self.text()).expect("JSON");
        let text = |key: &Value, name: &str| key[name].as_str().expect("a text").to_owned();
        let keys = set["keys"].as_array().expect("keys").iter();
        keys.map(|key| (text(key, "kid"), text(key, "status"))).collect()
    }

    fn runs_raw(&self, command: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_scoped-auth"))
            .arg("keys")
            .args(command.split(' '))
            .env_clear()
            .env("SCOPED_AUTH_KEYS_FILE", self.path())
            .env("SCOPED_AUTH_SESSION_MAX_SECONDS", "3600")
            .output()
            .expect("the command runs")
    }

    /// The output of a successful command.
    fn runs(&self, command: &str) -> String {
        let output = self.runs_raw(command);
        let said = String::from_utf8(output.stderr).expect("text");
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{command}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// The error of a failed command, which leaves the file unchanged.
    fn is_refused(&self, command: &str) -> String {
        let before = fs::read(self.path()).ok();
        let output = self.runs_raw(command);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &[][..]), "{command}");
        assert_eq!(fs::read(self.path()).ok(), before);
        let said = String::from_utf8(output.stderr).expect("text");
        let beginning = format!("scoped-auth: {}: ", self.path().display());
        said.strip_prefix(&beginning).unwrap_or_else(|| panic!("{said}")).trim_end().to_owned()
    }
}

#[test]
fn generate_creates_the_key_file_then_adds_keys() {
    let operator = Operator::with(None);
    assert!(operator.runs("generate").ends_with("keys.json: created\n"));
    let made = operator.keys();
    assert!(made.iter().all(|(_, status)| status == "active") && made.len() == 3);
    assert!(operator.runs("generate --if-missing").ends_with("keys.json: already exists\n"));
    assert_eq!(operator.keys(), made);
    let printed = operator.runs("generate");
    operator.runs("generate --use sig");
    let added = operator.keys().split_off(3);
    assert_eq!(added.iter().map(|(kid, _)| &kid[..4]).collect::<Vec<_>>(), ["enc-", "sig-", "sig-"]);
    assert!(added.iter().all(|(_, status)| status == "next"));
    let lines = [(&added[0], 10), (&added[1], 900)]
        .map(|((kid, _), wait)| format!("{kid}: added; it can be activated in {wait} seconds\n"));
    assert_eq!(printed, lines.concat());
    assert_eq!(fs::metadata(operator.path()).expect("a file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_key_file_path_can_be_an_argument() {
    let operator = Operator::with(None);
    let other = operator.folder.path().join("others.json");
    operator.runs(&format!("generate --if-missing --file {}", other.display()));
    assert!(other.exists() && !operator.path().exists());
}

#[test]
fn list_prints_no_secrets() {
    let over = KEYS.replacen("\"retired\"", "\"retired\", \"opens_until\": 1000000000", 1);
    let operator =
        Operator::with(Some(&over.replacen("\"active\"", "\"active\", \"made_at\": 1000000000", 1)));
    let printed = operator.runs("list");
    let lines: Vec<Vec<&str>> = printed.lines().map(|line| line.split_whitespace().collect()).collect();
    let expected = [
        vec!["KID", "USE", "ALG", "STATUS", "MADE", "OPENS", "UNTIL"],
        vec!["enc-1", "enc", "dir", "active", "2001-09-09T01:46:40Z", "-"],
        vec!["enc-2", "enc", "dir", "next", "-", "-"],
        vec!["enc-3", "enc", "dir", "retired", "-", "2001-09-09T01:46:40Z", "(over)"],
        vec!["sig-1", "sig", "ES256", "active", "-", "-"],
        vec!["sig-2", "sig", "ES256", "next", "-", "-"],
    ];
    assert_eq!(lines, expected);
}

#[test]
fn activate_retires_the_previous_key_for_one_session_lifetime() {
    let operator = Operator::with(Some(KEYS));
    let printed = operator.runs("activate enc-2");
    assert!(printed.starts_with("enc-2: active\nenc-1: retired, opens until 20"), "{printed}");
    let set: Value = serde_json::from_str(&operator.text()).expect("JSON");
    let (until, now) = (set["keys"][0]["opens_until"].as_i64().expect("a time"), wall_clock());
    // An hour, ten seconds of propagation, five of clock skew; and the duration of the test.
    assert!((now + 3600 + 15 - 60..=now + 3600 + 15).contains(&until));
    assert_eq!(operator.runs("activate enc-2"), "enc-2: already active\n");
    assert!(operator.is_refused("retire enc-1").starts_with("`enc-1` opens tokens until 20"));
    assert_eq!(operator.runs("retire --now enc-1"), "enc-1: removed\n");
    assert!(operator.keys().iter().all(|(kid, _)| kid != "enc-1"));
}

#[test]
fn a_new_key_is_not_activated_early_unless_forced() {
    let operator = Operator::with(Some(KEYS));
    operator.runs("generate --use enc");
    let (kid, _) = operator.keys().pop().expect("a key");
    let refused = operator.is_refused(&format!("activate {kid}"));
    assert!(refused.starts_with(&format!("`{kid}` is not known to every replica before 20")), "{refused}");
    assert!(operator.runs(&format!("activate --now {kid}")).starts_with(&format!("{kid}: active\n")));
}

#[test]
fn a_signing_key_is_not_activated_before_it_was_published_for_15_minutes_unless_forced() {
    let operator = Operator::with(Some(KEYS));
    operator.runs("generate --use sig");
    let (kid, _) = operator.keys().pop().expect("a key");
    let refused = operator.is_refused(&format!("activate {kid}"));
    assert!(
        refused.starts_with(&format!("`{kid}` has not been published for 15 minutes before 20")),
        "{refused}"
    );
    assert!(refused.contains("--now: verifiers with cached keys reject assertions"), "{refused}");
    let made_ago = |seconds: i64| {
        let mut set: Value = serde_json::from_str(&operator.text()).expect("JSON");
        let keys = set["keys"].as_array_mut().expect("keys");
        let key = keys.iter_mut().find(|key| key["kid"] == kid.as_str()).expect("the key");
        key["made_at"] = (wall_clock() - seconds).into();
        fs::write(operator.path(), set.to_string()).expect("a file");
    };
    made_ago(840);
    operator.is_refused(&format!("activate {kid}"));
    made_ago(900);
    assert!(operator.runs(&format!("activate {kid}")).starts_with(&format!("{kid}: active\nsig-1: retired")));
    operator.runs("generate --use sig");
    let (kid, _) = operator.keys().pop().expect("a key");
    assert!(operator.runs(&format!("activate --now {kid}")).starts_with(&format!("{kid}: active\n")));
}

#[test]
fn retiring_the_active_key_activates_another() {
    let operator = Operator::with(Some(KEYS));
    assert!(operator.is_refused("retire sig-1").starts_with("`sig-1` is active;"));
    assert_eq!(operator.runs("retire --now sig-1"), "sig-1: removed\nsig-2: active in its place\n");
    let printed = operator.runs("retire sig-2 --now");
    let (kid, status) = operator.keys().pop().expect("a key");
    assert_eq!(printed, format!("sig-2: removed\n{kid}: active in its place\n"));
    assert!(kid.starts_with("sig-") && status == "active");
}

#[test]
fn failed_commands_report_and_change_nothing() {
    let operator = Operator::with(Some(KEYS));
    for command in ["activate enc-9", "retire enc-9", "retire --now enc-9"] {
        assert_eq!(operator.is_refused(command), "there is no key `enc-9` in the file");
    }
    let broken = KEYS.replacen("\"enc-2\"", "\"enc-1\"", 1);
    for (text, reason) in [
        ("not JSON", "line 1, column 2 of the key file: not JSON"),
        (&broken, "key 2 of the key file: its `kid` is that of an earlier key"),
    ] {
        let operator = Operator::with(Some(text));
        for command in ["list", "generate", "generate --use sig", "activate enc-2", "retire --now enc-2"] {
            assert_eq!(operator.is_refused(command), reason, "{command}");
        }
    }
    let operator = Operator::with(None);
    for command in ["list", "activate enc-1", "retire enc-1"] {
        assert!(operator.is_refused(command).starts_with("the key file cannot be read: "), "{command}");
    }
    assert_eq!(fs::read_dir(operator.folder.path()).expect("a folder").count(), 0, "nothing is left");
}

#[test]
fn usage_errors_and_failures_have_different_exit_codes() {
    let operator = Operator::with(Some(KEYS));
    for command in
        ["rotate", "activate", "generate --use audit", "generate --use enc --if-missing", "list enc-1"]
    {
        assert_eq!(operator.runs_raw(command).status.code(), Some(2), "{command}");
    }
    for command in ["--help", "list --help", "generate --help", "activate --help", "retire --help"] {
        assert!(operator.runs(command).contains("Exit codes: 0 done, 1 refused or failed"), "{command}");
    }
}

#[expect(clippy::disallowed_methods, reason = "the command reads the system clock")]
fn wall_clock() -> i64 {
    chrono::Utc::now().timestamp()
}

#[test]
fn the_key_of_a_token_can_be_exported() {
    let operator = Operator::with(Some(KEYS));
    let kid = "enc-1.AAECAwQFBgcICQoLDA0ODw.CV00000000000000000000000000000001";
    let output = operator.runs_raw(&format!("subkey {kid}"));
    assert!(output.status.success());
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let file = token::key_file::KeyFile::parse(KEYS.as_bytes()).unwrap();
    let ring = token::key_ring::KeyRing::new(file, &ring::rand::SystemRandom::new()).unwrap();
    let expected: Value = serde_json::from_str(&ring.subkey_jwk(kid).unwrap()).unwrap();
    assert_eq!(printed, expected);
    assert_eq!((printed["kty"].as_str(), printed["k"].as_str().map(str::len)), (Some("oct"), Some(43)));
    for other in ["enc-9.AAECAwQFBgcICQoLDA0ODw", "enc-1", "sig-1"] {
        assert_eq!(operator.runs_raw(&format!("subkey {other}")).status.code(), Some(1), "{other}");
    }
}
