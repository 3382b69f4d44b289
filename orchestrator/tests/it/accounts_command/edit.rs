//! `new-account`, `new-deployment` and `new-api-key`.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    process::Command,
};

use orchestrator::accounts::{Accounts, Scope};
use serde_json::Value;
use shared_types::{AccountSid, ConversationsServiceSid, DeploymentKey, fingerprint::Sensitivity};

use super::{GOOD, Operator};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const ADDRESS: &str = "IG0000000000000000000000000000000f";

impl Operator {
    /// The output of a command that succeeds and leaves a valid file.
    fn edits(&self, arguments: &[&str]) -> String {
        let (code, output, error) = self.gives(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {error}");
        let (code, problems, _) = self.gives(&["check"]);
        assert_eq!(code, Some(0), "{arguments:?}: {problems}");
        output
    }

    /// A command that fails with this error and leaves everything unchanged.
    fn is_rejected(&self, arguments: &[&str], code: i32, reason: &str) {
        let (before, names) = (fs::read(self.path()).ok(), self.names());
        let (found, output, error) = self.gives(arguments);
        assert_eq!((found, output.as_str()), (Some(code), ""), "{arguments:?}: {error}");
        assert!(error.contains(reason), "{arguments:?}: {error}");
        assert_eq!((fs::read(self.path()).ok(), self.names()), (before, names), "{arguments:?}");
    }

    fn accounts(&self) -> Accounts {
        Accounts::parse(&self.text()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

#[test]
fn add_deployment_changes_only_its_account() {
    let operator = Operator::with(GOOD);
    let origin = "https://shop.example.com";
    let arguments = ["new-deployment", "--account", ACCOUNT, "--address", ADDRESS, "--origin", origin];
    let key: DeploymentKey = operator.edits(&arguments).trim().parse().unwrap();
    let accounts = operator.accounts();
    let added = accounts.by_deployment_key(&key).unwrap();
    assert_eq!(added.account.sid, AccountSid::from_bits(1));
    assert!(added.deployment.enabled && added.deployment.address_sid.to_string() == ADDRESS);
    assert_eq!(added.deployment.allowed_origins.joined(), origin);
    let kept = operator.text();
    assert!(GOOD.lines().all(|line| kept.contains(line)));
    assert_ne!(operator.gives(&arguments).1, key.to_string(), "keys are random");
}

/// Some editors write one.
#[test]
fn a_byte_order_mark_is_ignored() {
    let operator = Operator::with(&format!("\u{feff}{GOOD}"));
    assert_eq!(operator.accounts().accounts().len(), Accounts::parse(GOOD).unwrap().accounts().len());
    let (code, problems, error) = operator.gives(&["check"]);
    assert_eq!((code, problems), (Some(0), Operator::with(GOOD).gives(&["check"]).1), "{error}");
    assert_eq!(operator.gives(&["list"]).1, Operator::with(GOOD).gives(&["list"]).1);
    operator.edits(&["new-deployment", "--account", ACCOUNT, "--address", ADDRESS]);
}

#[test]
fn a_new_deployment_is_printed_as_json() {
    let operator = Operator::with(GOOD);
    let arguments = ["new-deployment", "--json", "--account", ACCOUNT, "--address", ADDRESS];
    let output: Value = serde_json::from_str(&operator.edits(&arguments)).unwrap();
    let key: DeploymentKey = output["key"].as_str().unwrap().parse().unwrap();
    assert!(operator.accounts().by_deployment_key(&key).is_some());
    assert_eq!(output["account_sid"], ACCOUNT);
    assert_eq!(
        (&output["address_sid"], &output["allowed_origins"]),
        (&ADDRESS.into(), &Value::Array(vec![]))
    );
}

#[test]
fn rejected_changes_leave_the_file_unchanged() {
    let operator = Operator::with(GOOD);
    let unknown = "AC00000000000000000000000000000009";
    let deployment = |account, address, origin| {
        ["new-deployment", "--account", account, "--address", address, "--origin", origin]
    };
    operator.is_rejected(&deployment(unknown, ADDRESS, "null"), 1, "no account AC0");
    operator.is_rejected(&deployment(ACCOUNT, ADDRESS, "shop.example.com"), 1, "allowed origin");
    operator.is_rejected(&deployment(ACCOUNT, "IG1", "null"), 2, "IG1");
    operator.is_rejected(&["new-api-key", "--account", unknown], 1, "no account AC0");
    operator.is_rejected(&["new-api-key", "--account", ACCOUNT, "--scope", "all"], 2, "all");
    operator.is_rejected(&["new-account", "--sid", ACCOUNT], 1, "is already in line");
    operator.is_rejected(&["new-account", "--fingerprint-sensitivity", "none"], 2, "none");
    let malformed = Operator::with("[[account]]\nsid = 1\n");
    malformed.is_rejected(&["new-account"], 1, "accounts.toml: line 2: ");
    malformed.is_rejected(&["new-api-key", "--account", ACCOUNT], 1, "accounts.toml: line 2: ");
    let inline = GOOD.replace(
        "[[account]]\nsid = \"AC00000000000000000000000000000002\"",
        "[[ account ]]\nsid = \"AC00000000000000000000000000000002\"",
    );
    // The table would be added to the second account.
    Operator::with(&inline).is_rejected(&["new-api-key", "--account", ACCOUNT], 1, "add it by hand");
}

#[test]
fn a_new_api_key_is_printed_once_and_only_its_digest_is_stored() {
    let operator = Operator::with(GOOD);
    let output = operator.edits(&["new-api-key", "--account", ACCOUNT]);
    let [sid, secret] = output.lines().collect::<Vec<_>>().try_into().unwrap();
    let key = operator.accounts().authenticate(sid.parse().unwrap(), secret.as_bytes()).unwrap();
    assert_eq!(key.account_sid, AccountSid::from_bits(1));
    assert_eq!(key.scopes.iter().collect::<Vec<_>>(), [Scope::Read, Scope::Write]);
    assert_eq!(secret.len(), 43, "256 bits");
    assert!(!operator.text().contains(secret));
    let kept = operator.text();
    let added: Vec<_> = kept.lines().filter(|line| !GOOD.lines().any(|old| old == *line)).collect();
    assert_eq!(added.len(), 4, "{added:?}");
    let again = operator.edits(&["new-api-key", "--account", ACCOUNT]);
    assert!(!again.contains(sid) && !again.contains(secret), "sids and secrets are random");
    assert_eq!(operator.accounts().api_keys(&AccountSid::from_bits(1)).len(), 2);
}

#[test]
fn a_new_api_key_has_the_given_scopes() {
    let operator = Operator::with(GOOD);
    let scopes = ["--scope", "erase", "--scope", "read", "--scope", "erase"];
    let output = operator.edits(&[&["new-api-key", "--json", "--account", ACCOUNT], &scopes[..]].concat());
    let output: Value = serde_json::from_str(&output).unwrap();
    let (sid, secret) = (output["sid"].as_str().unwrap(), output["secret"].as_str().unwrap());
    let key = operator.accounts().authenticate(sid.parse().unwrap(), secret.as_bytes()).unwrap();
    assert_eq!(key.scopes.iter().collect::<Vec<_>>(), [Scope::Read, Scope::Erase]);
    assert_eq!(output["scope"], serde_json::json!(["read", "erase"]));
    assert_eq!(output["account_sid"], ACCOUNT);
}

#[test]
fn tables_of_several_kinds_can_be_added_in_any_order() {
    let operator = Operator::with(GOOD);
    for _ in 0..2 {
        operator.edits(&["new-api-key", "--account", ACCOUNT]);
        operator.edits(&["new-deployment", "--account", ACCOUNT, "--address", ADDRESS]);
        operator.edits(&["new-account"]);
    }
    let (accounts, sid) = (operator.accounts(), AccountSid::from_bits(1));
    assert_eq!((accounts.api_keys(&sid).len(), accounts.deployments(&sid).len()), (2, 4));
    assert_eq!(accounts.accounts().len(), 4);
}

#[test]
fn a_new_account_is_appended() {
    let operator = Operator::with(GOOD);
    let sid: AccountSid = operator.edits(&["new-account"]).trim().parse().unwrap();
    let accounts = operator.accounts();
    let account = accounts.account(&sid).unwrap();
    assert!(account.webchat_security_is_on());
    assert_eq!(account.fingerprint_sensitivity, Sensitivity::Medium);
    assert!(operator.text().starts_with(GOOD));

    let (sid, service) = ("AC0000000000000000000000000000000a", "IS0000000000000000000000000000000b");
    let options = ["--sid", sid, "--conversations-service", service, "--fingerprint-sensitivity", "high"];
    let output = operator.edits(&[&["new-account", "--json"], &options[..]].concat());
    let output: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((&output["sid"], &output["conversations_service_sid"]), (&sid.into(), &service.into()));
    let accounts = operator.accounts();
    let account = accounts.account(&AccountSid::from_bits(10)).unwrap();
    assert_eq!(account.conversations_service_sid, ConversationsServiceSid::from_bits(11));
    assert_eq!(account.fingerprint_sensitivity, Sensitivity::High);
    operator.is_rejected(&["new-account", "--sid", sid], 1, "is already in line");
}

#[test]
fn the_first_account_creates_the_file_or_follows_its_comments() {
    let operator = Operator::with("");
    fs::remove_file(operator.path()).unwrap();
    operator.is_rejected(&["new-api-key", "--account", ACCOUNT], 1, "accounts.toml: ");
    operator.edits(&["new-account", "--sid", ACCOUNT]);
    assert!(operator.text().starts_with("[[account]]\n"));
    assert_eq!(operator.names(), ["accounts.toml"]);
    operator.edits(&["new-api-key", "--account", ACCOUNT]);

    let operator = Operator::with("# ours\n");
    operator.edits(&["new-account"]);
    assert!(operator.text().starts_with("# ours\n\n[[account]]\n"));
    operator.is_rejected(&["new-account", "none/accounts.toml"], 1, "none/accounts.toml: ");
}

#[test]
fn mode_link_and_line_ends_are_kept() {
    let operator = Operator::with(&GOOD.replace('\n', "\r\n"));
    let target = operator.path().with_file_name("target");
    fs::rename(operator.path(), &target).unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("target", operator.path()).unwrap();
    operator.edits(&["new-api-key", "--account", ACCOUNT]);
    operator.edits(&["new-account"]);
    assert!(fs::symlink_metadata(operator.path()).unwrap().is_symlink());
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(operator.text().replace("\r\n", "").matches('\n').count(), 0);
    assert_eq!(operator.names().len(), 2, "nothing else is left");
}

#[test]
fn concurrent_commands_keep_each_others_changes() {
    let operator = Operator::with(GOOD);
    let mut commands: Vec<_> = (0..6)
        .map(|_| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_orchestrator"));
            command.env_clear().args(["accounts", "new-api-key", "--json"]).arg(operator.path());
            command.args(["--account", ACCOUNT]).stdout(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    assert!(commands.iter_mut().all(|command| command.wait().unwrap().success()));
    assert_eq!(operator.accounts().api_keys(&AccountSid::from_bits(1)).len(), 6);
}

#[test]
fn the_file_is_unchanged_if_the_output_cannot_be_printed() {
    let operator = Operator::with(GOOD);
    let mut command = Command::new(env!("CARGO_BIN_EXE_orchestrator"));
    command.env_clear().args(["accounts", "new-api-key"]).arg(operator.path()).args(["--account", ACCOUNT]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(command.stdout(full).status().unwrap().code(), Some(1));
    assert_eq!(operator.text(), GOOD);
    assert_eq!(operator.names(), ["accounts.toml"]);
}
