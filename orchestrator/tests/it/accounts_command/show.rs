//! `list` and `show`.

use serde_json::{Value, json};

use super::{GOOD, Operator};

const API_KEY: &str = r#"
[[account.api_key]]
sid = "SK00000000000000000000000000000001"
secret_sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
scope = ["erase", "read"]
calls_per_minute = 60
"#;

fn operator() -> Operator {
    let audiences =
        "webchat_security = false\nassertion_audiences = [\"https://api.example.com\", \"orders\"]";
    Operator::with(&format!("{}{API_KEY}", GOOD.replace("webchat_security = false", audiences)))
}

#[test]
fn accounts_are_listed() {
    let (code, output, _) = operator().gives(&["list"]);
    assert_eq!(code, Some(0));
    let expected = "AC00000000000000000000000000000001 deployments=2 api_keys=0\n\
                    AC00000000000000000000000000000002 deployments=1 api_keys=1\n";
    assert_eq!(output, expected);
    let (_, output, _) = operator().gives(&["list", "--json"]);
    let accounts: Value = serde_json::from_str(&output).unwrap();
    let second = json!({
        "sid": "AC00000000000000000000000000000002",
        "webchat_security": false,
        "conversations_service_sid": "IS00000000000000000000000000000002",
        "deployments": 1,
        "api_keys": 1,
    });
    assert_eq!(accounts[1], second);
}

#[test]
fn an_account_is_shown_without_digests() {
    let show = |arguments: &[&str]| {
        let account = ["show", "--account", "AC00000000000000000000000000000002"];
        let (code, output, error) = operator().gives(&[&account, arguments].concat());
        assert_eq!(code, Some(0), "{error}");
        assert!(!output.contains("ba7816bf"), "{output}");
        output
    };
    let expected = json!({
        "sid": "AC00000000000000000000000000000002",
        "webchat_security": false,
        "fingerprint_sensitivity": "medium",
        "fingerprint_mode": "enforce",
        "conversations_service_sid": "IS00000000000000000000000000000002",
        "conversation_retention_days": null,
        "assertion_audiences": ["https://api.example.com", "orders"],
        "deployments": [{
            "key": "CV00000000000000000000000000000002",
            "address_sid": "IG00000000000000000000000000000002",
            "allowed_origins": [],
            "enabled": true,
            "proof_key": "optional",
        }],
        "api_keys": [{
            "sid": "SK00000000000000000000000000000001",
            "scope": ["read", "erase"],
            "calls_per_minute": 60,
        }],
        "webhooks": [],
    });
    assert_eq!(serde_json::from_str::<Value>(&show(&["--json"])).unwrap(), expected);
    let expected = "sid: AC00000000000000000000000000000002\n\
        webchat_security: false\n\
        fingerprint_sensitivity: medium\n\
        fingerprint_mode: enforce\n\
        conversations_service_sid: IS00000000000000000000000000000002\n\
        conversation_retention_days: default\n\
        assertion_audience: https://api.example.com\n\
        assertion_audience: orders\n\
        deployment: key=CV00000000000000000000000000000002 address_sid=IG00000000000000000000000000000002 \
        allowed_origins= enabled=true proof_key=optional\n\
        api_key: sid=SK00000000000000000000000000000001 scope=read,erase calls_per_minute=60\n";
    assert_eq!(show(&[]), expected);
}

#[test]
fn unknown_accounts_and_malformed_files_are_errors() {
    let unknown = ["show", "--account", "AC00000000000000000000000000000009"];
    let (code, output, error) = operator().gives(&unknown);
    assert_eq!((code, output.as_str()), (Some(1), ""));
    assert!(error.contains("accounts.toml: no account AC00000000000000000000000000000009"), "{error}");
    let (code, _, error) = Operator::with("[[account]]\nsid = 1\n").gives(&["list"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("accounts.toml: line 2: "), "{error}");
}
