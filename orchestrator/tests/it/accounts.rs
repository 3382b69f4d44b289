//! `accounts.toml` (contract, section 10): its values, and the line that an error names.

mod api_keys;

use std::{path::Path, sync::Arc};

use orchestrator::accounts::{Accounts, AccountsError, check::problems};
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

[[account.api_key]]
sid = "SK00000000000000000000000000000001"
secret_sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" # of abc

[[account.api_key]]
sid = "SK00000000000000000000000000000002"
secret_sha256 = "cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34" # of def
scope = ["erase"]
calls_per_minute = 60
"#;

const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn deployment_keys_resolve_to_account_and_deployment() {
    let accounts = Accounts::parse(FILE).unwrap();
    let configuration = accounts.by_deployment_key(&DeploymentKey::from_bits(1)).unwrap();
    assert_eq!(configuration.account.sid, AccountSid::from_bits(1));
    assert!(configuration.account.webchat_security_is_on());
    assert_eq!(configuration.account.fingerprint_sensitivity, Sensitivity::High);
    assert_eq!(configuration.account.conversations_service_sid, ConversationsServiceSid::from_bits(1));
    let keys = |account| {
        accounts
            .deployments(&AccountSid::from_bits(account))
            .iter()
            .map(|deployment| deployment.key)
            .collect()
    };
    let expected: [Vec<u128>; 4] = [vec![], vec![1, 2], vec![3], vec![]];
    for (account, expected) in (0..).zip(expected) {
        let keys: Vec<DeploymentKey> = keys(account);
        assert_eq!(keys, expected.into_iter().map(DeploymentKey::from_bits).collect::<Vec<_>>());
    }
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
fn omitted_settings_have_defaults() {
    let accounts = Accounts::parse(FILE).unwrap();
    let configuration = accounts.by_deployment_key(&DeploymentKey::from_bits(3)).unwrap();
    assert!(!configuration.account.webchat_security_is_on());
    assert_eq!(configuration.account.fingerprint_sensitivity, Sensitivity::Medium);
    assert!(configuration.deployment.allowed_origins.is_empty());
    assert!(configuration.deployment.enabled);
}

#[test]
fn deployments_share_their_account() {
    let accounts = Accounts::parse(FILE).unwrap();
    let account = accounts.account(&AccountSid::from_bits(1)).unwrap();
    for key in [1, 2] {
        let configuration = accounts.by_deployment_key(&DeploymentKey::from_bits(key)).unwrap();
        assert!(Arc::ptr_eq(account, &configuration.account));
    }
    assert!(accounts.account(&AccountSid::from_bits(3)).is_none());
    assert_eq!(accounts.accounts().len(), 2);
}

/// The error of the file with every `from` replaced by `to`.
fn error_after_edit(from: &str, to: &str) -> AccountsError {
    assert!(FILE.contains(from), "{from:?} is not in the file");
    Accounts::parse(&FILE.replace(from, to)).expect_err(to)
}

#[test]
fn errors_are_reported_with_their_line() {
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
        ("AC00000000000000000000000000000002", "AC00000000000000000000000000000001", 22, "already in line 2"),
        ("CV00000000000000000000000000000002", "CV00000000000000000000000000000001", 14, "already in line 8"),
        (
            "CV00000000000000000000000000000003",
            "CV00000000000000000000000000000002",
            27,
            "already in line 14",
        ),
        (
            "SK00000000000000000000000000000002",
            "SK00000000000000000000000000000001",
            35,
            "SK00000000000000000000000000000001 is already in line 31",
        ),
        // API keys.
        ("\"SK00000000000000000000000000000002\"", "\"SK2\"", 35, "expected SK and 32 hexadecimal digits"),
        (DIGEST, "abc", 32, "expected 64 hexadecimal digits"),
        (&format!("secret_sha256 = \"{DIGEST}\""), "secret = \"abc\"", 32, "unknown field `secret`"),
        (&format!("secret_sha256 = \"{DIGEST}\""), "", 30, "missing field `secret_sha256`"),
        ("[\"erase\"]", "[]", 37, "expected at least one of \"read\", \"write\" and \"erase\""),
        ("[\"erase\"]", "[\"erase\", \"all\"]", 37, "unknown variant `all`"),
        ("= 60", "= 0", 38, "nonzero"),
        // Retention.
        (
            "webchat_security = false",
            "webchat_security = false\nconversation_retention_days = 0",
            24,
            "1 to 36500",
        ),
        (
            "webchat_security = false",
            "webchat_security = false\nconversation_retention_days = 36501",
            24,
            "1 to 36500",
        ),
        // Origins, each reported with its own line.
        ("https://www.example.com", "https://www.example.com/chat", 18, "has a path"),
        ("https://*.example.org", "*", 10, "every site"),
        ("\n  \"https://shop.example.com\",\n  \"https://www.example.com\",", &eleven, 27, "at most 10"),
    ] {
        let error = error_after_edit(from, to);
        assert_eq!(error.line, line, "{to:?}: {error}");
        assert!(error.reason.contains(reason), "{to:?}: {error}");
        assert!(!error.to_string().contains('\n'), "{to:?}: {error}");
        assert!(error.to_string().starts_with(&format!("line {line}: ")), "{to:?}: {error}");
    }
}

#[test]
fn a_file_without_accounts_is_an_error() {
    for text in ["", "\n", "# later\n", "account = []"] {
        assert_eq!(Accounts::parse(text).unwrap_err().reason, "there is no [[account]]", "{text:?}");
    }
}

#[test]
fn a_deployment_outlives_its_snapshot() {
    let accounts = Accounts::parse(FILE).unwrap();
    let configuration = accounts.by_deployment_key(&DeploymentKey::from_bits(1)).unwrap();
    drop(accounts);
    assert_eq!(configuration.account.sid, AccountSid::from_bits(1));
}

/// An account with one deployment, without its header.
fn account(n: u128) -> String {
    format!(
        "sid = \"{}\"\nwebchat_security = true\nconversations_service_sid = \"{}\"\n\
         [[account.deployment]]\nkey = \"{}\"\naddress_sid = \"{}\"\n",
        AccountSid::from_bits(n),
        ConversationsServiceSid::from_bits(n),
        DeploymentKey::from_bits(n),
        AddressSid::from_bits(n)
    )
}

#[test]
fn accounts_accept_every_toml_table_syntax() {
    let [one, two] = [1, 2].map(account);
    let inline = r#"account = [{ sid = "AC00000000000000000000000000000001", webchat_security = true,
        conversations_service_sid = "IS00000000000000000000000000000001", deployment = [] }]"#;
    for (text, sids) in [
        (format!("[[account]]\n{one}[[account]]\n{two}"), 2),
        (format!("# ours\n\n  [[account]] # one\n{one}\t[[account]]#two\n{two}"), 2),
        (format!("[[account]]\n{one}[[account]]\n{two}").replace('\n', "\r\n"), 2),
        (format!("[[ account ]]\n{one}[[\"account\"]]\n{two}"), 2),
        (format!("[[account]]\n{one}[[ account ]]\n{two}"), 2),
        (format!("[[ account ]]\n{one}[[account]]\n{two}"), 2),
        (format!("\u{feff}[[account]]\n{one}[[account]]\n{two}"), 2),
        (inline.to_owned(), 1),
    ] {
        let accounts = Accounts::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let met: Vec<_> = accounts.accounts().map(|account| account.sid).collect();
        assert_eq!(met, (1..=sids).map(AccountSid::from_bits).collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn splitting_does_not_accept_invalid_toml() {
    let [one, two] = [1, 2].map(account);
    for (text, line) in [
        // A list cannot be started in one syntax and continued in the other, and a table cannot be two things.
        (format!("account = []\n[[account]]\n{one}"), 2),
        (format!("[account]\n[[account]]\n{one}"), 2),
        (format!("[[account]]\n{one}[account]\n{two}"), 8),
        (format!("[[account]]\n{one}[[account]]\n{two}deployment = []\n"), 15),
        // A header within a string or a list.
        (format!("[[account]]\n{one}allowed_origins = [\"\"\"https://a.example\n[[account]]\n\"\"\"]\n"), 8),
        (format!("[[account]]\n{one}allowed_origins = [\n[[account]]\n{two}"), 8),
        (format!("[[account]]\n{one}[[account]]\n{two}allowed_origins = '''\n[[account]]\n'''\n"), 15),
        (format!("[[account]]\n{one}[[account]] more\n{two}"), 8),
        (format!("\u{a0}\n[[account]]\n{one}"), 1),
    ] {
        let error = Accounts::parse(&text).expect_err(&text);
        assert!((line..=line + 1).contains(&error.line), "{text}\n{error}");
    }
}

#[test]
fn errors_among_many_accounts_are_reported_with_their_line() {
    let many: String = (0..100).map(|n| format!("[[account]]\n{}", account(n))).collect();
    for (from, to, line, reason) in [
        ("sid = \"AC0000000000000000000000000000002a\"", "sid = 1", 42 * 7 + 2, "expected a string"),
        ("CV00000000000000000000000000000030", "CV0000000000000000000000000000002f", 48 * 7 + 6, "line 335"),
        ("AC00000000000000000000000000000063", "AC00000000000000000000000000000000", 99 * 7 + 2, "line 2"),
        ("IG00000000000000000000000000000063\"", "IG00000000000000000000000000000063", 700, ""),
    ] {
        assert!(many.contains(from));
        let error = Accounts::parse(&many.replace(from, to)).expect_err(to);
        assert_eq!(error.line, line, "{to}: {error}");
        assert!(error.reason.contains(reason), "{to}: {error}");
    }
}

proptest! {
    /// `orchestrator accounts check` parses the whole text at once.
    #[test]
    fn loading_accepts_exactly_what_the_check_accepts(
        start in 0..FILE.len(),
        length in 0..40usize,
        junk in prop_oneof![
            "[\\[\\]\"'=#.,\n a-z]{0,8}",
            Just("\n[[account]]\n".to_owned()),
            Just("[[account]]".to_owned()),
            Just("\"\"\"".to_owned()),
            Just("'''\n".to_owned()),
            Just("\n#\n".to_owned()),
        ],
    ) {
        let mut text = FILE.to_owned();
        text.replace_range(start..(start + length).min(FILE.len()), &junk);
        let parsed = Accounts::parse(&text);
        let errors: Vec<_> = problems(&text, Path::new("")).into_iter().filter(|problem| problem.is_fatal).collect();
        prop_assert_eq!(parsed.is_ok(), errors.is_empty(), "{}\n{:?}\n{:?}", text, parsed.err(), errors);
    }

    #[test]
    fn no_input_text_panics(start in 0..FILE.len(), length in 0..80usize, junk in "[\\[\\]\"=#.,\n a-zA-Z0-9é]{0,12}") {
        let mut text = FILE.to_owned();
        text.replace_range(start..(start + length).min(FILE.len()), &junk);
        if let Err(error) = Accounts::parse(&text) {
            prop_assert!((1..=text.split('\n').count()).contains(&error.line), "{error}");
        }
    }
}
