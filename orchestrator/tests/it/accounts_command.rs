//! The command `orchestrator accounts …`: its output, its changes to the file, and its exit code.

mod edit;
mod show;
mod webhooks;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use tempfile::TempDir;

const GOOD: &str = include_str!("../../../local-stack/accounts.demo.toml");

struct Operator(TempDir);

impl Operator {
    fn with(text: &str) -> Self {
        let operator = Self(tempfile::tempdir().unwrap());
        fs::write(operator.path(), text).unwrap();
        operator
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("accounts.toml")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn gives(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output: Output = Command::new(env!("CARGO_BIN_EXE_orchestrator"))
            .current_dir(&self.0)
            .env_clear()
            .env("ORCHESTRATOR_ACCOUNTS_FILE", "accounts.toml")
            .arg("accounts")
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

#[test]
fn every_problem_is_reported_with_its_line() {
    let bad = r#"[[account]]
sid = "AC0000000000000000000000000000000"
webchat_security = "yes"
fingerprint_sensitivity = "paranoid"
conversations_service_sid = "IS00000000000000000000000000000001"
colour = "red"

[[account.deployment]]
key = "CV00000000000000000000000000000001"
allowed_origins = ["http://shop.example.com", "https://shop.example.com/", "shop.example.com", "https://a.example/cart", "*"]

[[account.deployment]]
key = "CV00000000000000000000000000000002"
address_sid = "IG00000000000000000000000000000001"
allowed_origins = ["https://shop.example.com/", "http://shop.example.com", "shop.example.com", "null", "http://localhost:8090"]

[[account]]
sid = "AC00000000000000000000000000000002"
webchat_security = true
conversations_service_sid = "IS00000000000000000000000000000001"

[[account.deployment]]
key = "CV00000000000000000000000000000002"
address_sid = "IG00000000000000000000000000000001"

[limits]
"#;
    let (code, output, error) = Operator::with(bad).gives(&["check"]);
    assert_eq!(code, Some(1), "{output}{error}");
    let problems: Vec<&str> =
        output.lines().map(|line| line.strip_prefix("accounts.toml:").unwrap()).collect();
    for expected in [
        "2: error: ",
        "3: error: ",
        "4: error: ",
        "6: error: unknown field `colour`",
        "8: error: missing field `address_sid`",
        r#"10: error: allowed origin "https://a.example/cart" has a path"#,
        r#"15: warning: allowed origin "https://shop.example.com/" is read as "https://shop.example.com""#,
        r#"15: warning: allowed origin "http://shop.example.com": pages over plain HTTP"#,
        r#"15: error: allowed origin "shop.example.com" "#,
        r#"15: warning: allowed origin "null" allows"#,
        "23: error: CV00000000000000000000000000000002 is already in line 13",
        "26: error: unknown field `limits`",
    ] {
        assert!(problems.iter().any(|found| found.starts_with(expected)), "missing {expected}\nin\n{output}");
    }
    assert!(output.contains("did you mean \"https://shop.example.com\"?"), "{output}");
    assert!(!output.contains("localhost"), "{output}");
    assert!(error.contains("11 errors, 5 warnings") && error.lines().count() == 1, "{error}\n{output}");
}

#[test]
fn assertion_audiences_are_checked() {
    let account = |number: u8, audiences: &str| {
        format!(
            "[[account]]\nsid = \"AC{number:032}\"\nwebchat_security = true\n\
             conversations_service_sid = \"IS{number:032}\"\nassertion_audiences = [{audiences}]\n\
             [[account.deployment]]\nkey = \"CV{number:032}\"\naddress_sid = \"IG{number:032}\"\n"
        )
    };
    let (api, orders) = (r#""https://api.example.com""#, r#""https://orders.example.com""#);
    let check = |text: String| {
        let (code, output, _) = Operator::with(&text).gives(&["check"]);
        (code, output)
    };
    let both = format!("{api}, {orders}");
    let fine = (Some(0), "accounts.toml: 2 accounts, 0 warnings\n".to_owned());
    assert_eq!(check(account(1, api) + &account(2, orders)), fine);
    let (code, output) = check(account(1, api) + &account(2, &both));
    let warning = "accounts.toml:13: warning: the assertion audience \"https://api.example.com\" is also one of \
         AC00000000000000000000000000000001: that service must check `account_sid`\n";
    assert_eq!(code, Some(0), "{output}");
    assert!(output.starts_with(warning), "{output}");
    let many: Vec<_> = (0..21).map(|n| format!("\"https://{n}.example.com\"")).collect();
    for (audiences, error) in [
        (r#""webchat""#, "expected an audience such as"),
        (r#""ScopedAuthService""#, "expected an audience such as"),
        (r#""""#, "expected an audience such as"),
        (r#""two words""#, "expected an audience such as"),
        (
            &format!("{api}, {orders}, {api}"),
            "the assertion audience \"https://api.example.com\" is listed twice",
        ),
        (&many.join(", "), "21 assertion audiences; at most 20 can be listed"),
        ("7", "invalid type"),
    ] {
        let text = account(1, audiences);
        let refused = orchestrator::accounts::Accounts::parse(&text).expect_err(audiences);
        assert!(refused.line == 5 && refused.reason.contains(error), "{refused}");
        let (code, output) = check(text);
        assert_eq!(code, Some(1), "{output}");
        assert!(output.starts_with("accounts.toml:5: error: ") && output.contains(error), "{output}");
    }
}

#[test]
fn limits_and_budgets_are_checked() {
    let with = |settings: &str| {
        let deployment = "key = \"CV00000000000000000000000000000001\"\n";
        let text = format!(
            "[[account]]\nsid = \"AC00000000000000000000000000000001\"\nwebchat_security = true\n\
             conversations_service_sid = \"IS00000000000000000000000000000001\"\n[[account.deployment]]\n\
             {deployment}address_sid = \"IG00000000000000000000000000000001\"\n{settings}\n"
        );
        let (code, output, _) = Operator::with(&text).gives(&["check"]);
        (code, output)
    };
    let all = "guest_bytes_per_hour = 134217728\n[account.deployment.rate_limits]\nvisitor_creates_per_minute = 60\n\
               visitor_calls_per_minute = 600\nvisitor_messages_per_minute = 30\nvisitor_messages_burst = 15\n\
               creates_per_minute = 9000\nnested = [1, 4, 16]\nmode = \"log\"";
    for settings in ["", all, "rate_limits = { visitor_creates_per_minute = 30, creates_per_minute = 240 }"] {
        assert_eq!(
            with(settings),
            (Some(0), "accounts.toml: 1 accounts, 0 warnings\n".to_owned()),
            "{settings}"
        );
    }
    for (settings, line) in [
        ("guest_bytes_per_hour = 1048576", "8: error: expected 2097152 (2 MiB) at least"),
        ("rate_limits = { nested = [1, 8, 2] }", "8: error: expected `nested` such as [1, 2, 8]"),
        (
            "rate_limits = { visitor_messages_burst = 21 }",
            "8: error: expected `visitor_messages_burst` of at most `visitor_messages_per_minute`",
        ),
        ("rate_limits = { visitor_writes = 1 }", "8: error: unknown field `visitor_writes`"),
        (
            "rate_limits = { creates_per_minute = 236 }",
            "6: warning: a quarter of creates_per_minute, 236, is less than what a /56 may use of it, 60",
        ),
    ] {
        let (code, output) = with(settings);
        assert_eq!(code, Some(i32::from(line.contains("error"))), "{output}");
        assert!(output.starts_with(&format!("accounts.toml:{line}")), "{output}");
    }
}

#[test]
fn a_malformed_value_hides_no_problem_of_the_origins() {
    let deployment = r#"[[account]]
sid = "AC00000000000000000000000000000001"
webchat_security = true
conversations_service_sid = "IS00000000000000000000000000000001"

[[account.deployment]]
key = "CV00000000000000000000000000000001"
address_sid = 7
enabled = "yes"
allowed_origins = [
  "https://shop.example.com/chat",
  "https://*.co.uk",
  "https://*.github.io",
  "https://*.example.co.uk",
  "capacitor://localhost",
  "https://localhost",
  "app://shop.example.com",
  8,
]
"#;
    let (code, output, _) = Operator::with(deployment).gives(&["check"]);
    assert_eq!(code, Some(1), "{output}");
    let problems: Vec<&str> =
        output.lines().map(|line| line.strip_prefix("accounts.toml:").unwrap()).collect();
    let expected = [
        "8: error: ",
        "9: error: ",
        "11: error: allowed origin \"https://shop.example.com/chat\" has a path",
        "12: warning: allowed origin \"https://*.co.uk\" allows the sites of everybody",
        "13: warning: allowed origin \"https://*.github.io\" allows the sites of everybody",
        "15: warning: allowed origin \"capacitor://localhost\" allows every app",
        "16: warning: allowed origin \"https://localhost\" allows every app",
        "18: error: ",
    ];
    assert_eq!(problems.len(), expected.len(), "{output}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{expected}: {output}");
    }
}

#[test]
fn api_keys_are_checked() {
    let text = r#"[[account]]
sid = "AC00000000000000000000000000000001"
webchat_security = true
conversations_service_sid = "IS00000000000000000000000000000001"
conversation_retention_days = 0

[[account.api_key]]
sid = "SK00000000000000000000000000000001"
secret_sha256 = "the-secret-itself"
scope = []

[[account.api_key]]
sid = "SK00000000000000000000000000000002"
secret_sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

[[account.api_key]]
sid = "SK00000000000000000000000000000002"
secret_sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"#;
    let (code, output, _) = Operator::with(text).gives(&["check"]);
    assert_eq!(code, Some(1), "{output}");
    let errors: Vec<_> = output.lines().filter(|line| line.contains("error: ")).collect();
    let expected = [
        "accounts.toml:5: error: expected 1 to 36500 days",
        "accounts.toml:9: error: expected 64 hexadecimal digits, the SHA-256 of the secret",
        "accounts.toml:10: error: expected at least one of \"read\", \"write\" and \"erase\"",
        "accounts.toml:17: error: SK00000000000000000000000000000002 is already in line 13",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn check_accepts_a_valid_file_and_reports_invalid_toml() {
    let (code, output, _) = Operator::with(GOOD).gives(&["check"]);
    assert_eq!(code, Some(0), "{output}");
    assert!(output.contains("2 accounts, 0 warnings"), "{output}");
    let (code, output, _) = Operator::with("[[account]\nx = \n").gives(&["check"]);
    assert_eq!(code, Some(1));
    assert!(output.contains("accounts.toml:1: error: "), "{output}");
    assert_eq!(Operator::with(GOOD).gives(&["check", "elsewhere.toml"]).0, Some(1));
    assert_eq!(Operator::with(GOOD).gives(&["chek"]).0, Some(2));
}
