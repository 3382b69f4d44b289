//! Webhooks: what `show` prints of them, and what `check` warns of.

use std::fs;

use serde_json::{Value, json};

use super::{GOOD, Operator};

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Two webhooks of the second account.
const WEBHOOKS: &str = r#"
[[account.webhook]]
url = "https://desk.example.com/hook?key=1"
signing_secret_file = "webhooks/desk"
events = ["message.added", "conversation.closed"]

[[account.webhook]]
url = "http://bridge.internal:9000/"
signing_secret_file = "webhooks/bridge"
"#;

/// With these files of signing secrets.
fn operator(secrets: &[(&str, &str)]) -> Operator {
    let operator = Operator::with(&format!("{GOOD}{WEBHOOKS}"));
    let folder = operator.path().with_file_name("webhooks");
    fs::create_dir(&folder).unwrap();
    for (name, content) in secrets {
        fs::write(folder.join(name), content).unwrap();
    }
    operator
}

#[test]
fn webhooks_are_shown_without_secrets() {
    let operator = operator(&[("desk", SECRET), ("bridge", SECRET)]);
    let show = |arguments: &[&str]| {
        let account = ["show", "--account", "AC00000000000000000000000000000002"];
        let (code, output, error) = operator.gives(&[&account, arguments].concat());
        assert_eq!(code, Some(0), "{error}");
        assert!(!output.contains("whsec_"), "{output}");
        output
    };
    let all = [
        "conversation.opened",
        "message.added",
        "conversation.closed",
        "conversation.full",
        "conversation.erased",
    ];
    let expected = json!([
        { "url": "https://desk.example.com/hook?key=1", "events": ["message.added", "conversation.closed"] },
        { "url": "http://bridge.internal:9000/", "events": all },
    ]);
    assert_eq!(serde_json::from_str::<Value>(&show(&["--json"])).unwrap()["webhooks"], expected);
    let expected = format!(
        "webhook: url=https://desk.example.com/hook?key=1 events=message.added,conversation.closed\n\
         webhook: url=http://bridge.internal:9000/ events={}\n",
        all.join(",")
    );
    assert!(show(&[]).ends_with(&expected), "{}", show(&[]));
}

/// The warnings of `check` about webhooks: lines, from the first webhook's header, and texts.
fn warnings(secrets: &[(&str, &str)]) -> Vec<(usize, String)> {
    let (code, output, error) = operator(secrets).gives(&["check"]);
    assert_eq!(code, Some(0), "{output}{error}");
    assert!(!output.contains("whsec_AAEC") && !output.contains("bridge.internal"), "{output}");
    let before = GOOD.lines().count() + 1;
    let warnings = output.lines().filter_map(|line| {
        let (line, what) = line.strip_prefix("accounts.toml:")?.split_once(": warning: ")?;
        Some((line.parse::<usize>().ok()?.checked_sub(before)?, what.to_owned()))
    });
    warnings.collect()
}

#[test]
fn check_warns_of_an_http_url() {
    let found = warnings(&[("desk", SECRET), ("bridge", SECRET)]);
    let what = "this http URL is sent to only if ORCHESTRATOR_WEBHOOK_ALLOW_PRIVATE is true";
    assert_eq!(found, [(7, what.to_owned())]);
}

#[test]
fn check_warns_of_missing_and_malformed_secrets() {
    let found = warnings(&[("bridge", "whsec_AAECAwQ=")]);
    let [missing, _, malformed] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((missing.0, malformed.0), (3, 8));
    for (what, file, reason) in [
        (&missing.1, "webhooks/desk", "No such file or directory"),
        (&malformed.1, "webhooks/bridge", "expected `whsec_` and the base64 of 24 to 64 bytes"),
    ] {
        let expected = format!("no events are sent: signing secret file {file:?}: {reason}");
        assert!(what.starts_with(&expected), "{what}");
    }
}

/// `check FILE` in another folder.
#[test]
fn secrets_are_found_beside_the_file() {
    let operator = operator(&[("desk", SECRET), ("bridge", SECRET)]);
    let folder = operator.path().with_file_name("accounts");
    fs::create_dir(&folder).unwrap();
    fs::rename(operator.path().with_file_name("webhooks"), folder.join("webhooks")).unwrap();
    fs::rename(operator.path(), folder.join("accounts.toml")).unwrap();
    let (code, output, error) = operator.gives(&["check", "accounts/accounts.toml"]);
    assert_eq!((code, output.matches("no events are sent").count()), (Some(0), 0), "{output}{error}");
}
