//! `accounts.toml` (contract, section 9): what it says, and which line is named when it says it wrongly.

use std::sync::Arc;

use orchestrator::accounts::{Accounts, AccountsError};
use proptest::prelude::*;
use shared_types::{
    AccountSid, AddressSid, ConversationsServiceSid, DeploymentKey, fingerprint::Sensitivity,
};

/// The contract's example, with a second account. Line 2 is the first account's sid.
const FILE: &str = r#"[[account]]
sid = "AC00000000000000000000000000000001"
webchat_security = true            # the feature flag
fingerprint_sensitivity = "high"   # low | medium | high
conversations_service_sid = "IS00000000000000000000000000000001"

[[account.deployment]]
key = "CV00000000000000000000000000000001"
address_sid = "IG00000000000000000000000000000001"
allowed_origins = ["https://shop.example.com", "https://*.example.org"]
enabled = false

[[account.deployment]]
key = "CV00000000000000000000000000000002"
address_sid = "IG00000000000000000000000000000002"
allowed_origins = [
  "https://shop.example.com",
  "https://www.example.com",
]

[[account]]
sid = "AC00000000000000000000000000000002"
webchat_security = false
conversations_service_sid = "IS00000000000000000000000000000002"

[[account.deployment]]
key = "CV00000000000000000000000000000003"
address_sid = "IG00000000000000000000000000000003"
"#;

#[test]
fn a_deployment_key_leads_to_its_account_and_deployment() {
    let accounts = Accounts::parse(FILE).unwrap();
    let configuration = accounts.by_deployment_key(&DeploymentKey::from_bits(1)).unwrap();
    assert_eq!(configuration.account.sid, AccountSid::from_bits(1));
    assert!(configuration.account.webchat_security_is_on());
    assert_eq!(configuration.account.fingerprint_sensitivity, Sensitivity::High);
    assert_eq!(configuration.account.conversations_service_sid, ConversationsServiceSid::from_bits(1));
    assert_eq!(configuration.account.deployments.len(), 2);
    assert_eq!(configuration.deployment.key, DeploymentKey::from_bits(1));
    assert_eq!(configuration.deployment.address_sid, AddressSid::from_bits(1));
    assert_eq!(
        configuration.deployment.allowed_origins.joined(),
        "https://shop.example.com, https://*.example.org"
    );
    assert!(!configuration.deployment.enabled);
    assert!(accounts.by_deployment_key(&DeploymentKey::from_bits(4)).is_none());
}

#[test]
fn what_is_left_out_has_a_default() {
    let accounts = Accounts::parse(FILE).unwrap();
    let configuration = accounts.by_deployment_key(&DeploymentKey::from_bits(3)).unwrap();
    assert!(!configuration.account.webchat_security_is_on());
    assert_eq!(configuration.account.fingerprint_sensitivity, Sensitivity::Medium);
    assert!(configuration.deployment.allowed_origins.is_empty());
    assert!(configuration.deployment.enabled);
}

#[test]
fn an_account_is_shared_by_all_that_lead_to_it() {
    let accounts = Accounts::parse(FILE).unwrap();
    let account = accounts.account(&AccountSid::from_bits(1)).unwrap();
    for key in [1, 2] {
        let configuration = accounts.by_deployment_key(&DeploymentKey::from_bits(key)).unwrap();
        assert!(Arc::ptr_eq(account, &configuration.account));
    }
    assert!(accounts.account(&AccountSid::from_bits(3)).is_none());
    assert_eq!(accounts.accounts().len(), 2);
}

/// The error of the file with `from` replaced by `to`, everywhere.
fn edited(from: &str, to: &str) -> AccountsError {
    assert!(FILE.contains(from), "{from:?} does not stand in the file");
    Accounts::parse(&FILE.replace(from, to)).expect_err(to)
}

#[test]
fn a_fault_is_reported_with_its_line() {
    let eleven: String = (0..11).map(|n| format!("\n  \"https://{n}.example.com\",")).collect();
    for (from, to, line, reason) in [
        // Malformed values and fields.
        ("\"AC00000000000000000000000000000002\"", "\"AC2\"", 22, "expected AC and 32 hexadecimal digits"),
        ("\"CV00000000000000000000000000000002\"", "\"AC2\"", 14, "expected CV and 32 hexadecimal digits"),
        ("\"IG00000000000000000000000000000003\"", "3", 28, "expected a string"),
        ("\"high\"", "\"extreme\"", 4, "unknown variant `extreme`"),
        ("= true ", "= \"yes\" ", 3, "expected a boolean"),
        ("enabled = false", "enabld = false", 11, "unknown field `enabld`"),
        ("webchat_security = false", "webchat_securty = false", 23, "unknown field `webchat_securty`"),
        ("]\n\n[[account]]", "]\n\n[[accounts]]", 21, "unknown field `accounts`"),
        ("webchat_security = false\n", "", 21, "missing field `webchat_security`"),
        ("address_sid = \"IG00000000000000000000000000000003\"\n", "", 26, "missing field `address_sid`"),
        ("enabled = false", "enabled = ", 11, ""),
        ("enabled = false", "enabled = false\nenabled = true", 12, "duplicate key"),
        // What stands there twice.
        ("AC00000000000000000000000000000002", "AC00000000000000000000000000000001", 22, "in line 2 already"),
        ("CV00000000000000000000000000000002", "CV00000000000000000000000000000001", 14, "in line 8 already"),
        (
            "CV00000000000000000000000000000003",
            "CV00000000000000000000000000000002",
            27,
            "in line 14 already",
        ),
        // Origins, each with its own line.
        ("https://www.example.com", "https://www.example.com/chat", 18, "has a path"),
        ("https://*.example.org", "*", 10, "every site"),
        ("\n  \"https://shop.example.com\",\n  \"https://www.example.com\",", &eleven, 27, "at most 10"),
    ] {
        let error = edited(from, to);
        assert_eq!(error.line, line, "{to:?}: {error}");
        assert!(error.reason.contains(reason), "{to:?}: {error}");
        assert!(!error.to_string().contains('\n'), "{to:?}: {error}");
        assert!(error.to_string().starts_with(&format!("line {line}: ")), "{to:?}: {error}");
    }
}

#[test]
fn a_file_without_accounts_is_a_fault() {
    for text in ["", "\n", "# later\n", "account = []"] {
        assert_eq!(Accounts::parse(text).unwrap_err().reason, "there is no [[account]]", "{text:?}");
    }
}

#[test]
fn a_configuration_outlives_its_snapshot() {
    let accounts = Accounts::parse(FILE).unwrap();
    let configuration = accounts.by_deployment_key(&DeploymentKey::from_bits(1)).unwrap();
    drop(accounts);
    assert_eq!(configuration.account.sid, AccountSid::from_bits(1));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(start in 0..FILE.len(), length in 0..80usize, junk in "[\\[\\]\"=#.,\n a-zA-Z0-9é]{0,12}") {
        let mut text = FILE.to_owned();
        text.replace_range(start..(start + length).min(FILE.len()), &junk);
        if let Err(error) = Accounts::parse(&text) {
            prop_assert!((1..=text.split('\n').count()).contains(&error.line), "{error}");
        }
    }
}
