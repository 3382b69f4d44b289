//! `orchestrator accounts new-account`, `new-deployment`, `new-api-key`.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::ArgMatches;
use serde_json::json;
use service_runtime::{command::StartError, random::Random};
use shared_types::{
    AccountSid, AddressSid, ApiKeySid, ConversationsServiceSid, DeploymentKey, fingerprint::Sensitivity,
};

use super::edit::Edit;
use crate::accounts::{Accounts, Scope, SecretDigest};

pub(super) fn new_account(path: &Path, arguments: &ArgMatches) -> Result<(), StartError> {
    let edit = Edit::begin(path, true)?;
    let random = || Random::default().u128();
    let sid = arguments.get_one("sid").copied().unwrap_or_else(|| AccountSid::from_bits(random()));
    let service = arguments
        .get_one("conversations-service")
        .copied()
        .unwrap_or_else(|| ConversationsServiceSid::from_bits(random()));
    let sensitivity = arguments
        .get_one::<String>("fingerprint-sensitivity")
        .map_or(Sensitivity::default().name(), String::as_str);
    let table = format!(
        "[[account]]\nsid = \"{sid}\"\nwebchat_security = true\nfingerprint_sensitivity = \"{sensitivity}\"\n\
         conversations_service_sid = \"{service}\"\n"
    );
    let text = edit.with_account(&table);
    let output = output(arguments, json!({ "sid": sid, "conversations_service_sid": service }), &[&sid]);
    edit.finish(&text, 1, |after| after.account(&sid).is_some(), &output)
}

pub(super) fn new_deployment(path: &Path, arguments: &ArgMatches) -> Result<(), StartError> {
    let (Some(account), Some(address)) =
        (arguments.get_one::<AccountSid>("account"), arguments.get_one::<AddressSid>("address"))
    else {
        return Err("expected --account and --address".into());
    };
    let edit = Edit::begin(path, false)?;
    let origins: Vec<&String> = arguments.get_many("origin").into_iter().flatten().collect();
    let key = DeploymentKey::from_bits(Random::default().u128());
    let table = format!(
        "[[account.deployment]]\nkey = \"{key}\"\naddress_sid = \"{address}\"\nallowed_origins = {origins:?}\n\
         enabled = true\n"
    );
    let text = edit.with_table(*account, &table)?;
    let is_added =
        |after: &Accounts| after.by_deployment_key(&key).is_some_and(|found| found.account.sid == *account);
    let object =
        json!({ "key": key, "account_sid": account, "address_sid": address, "allowed_origins": origins });
    edit.finish(&text, 0, is_added, &output(arguments, object, &[&key]))
}

pub(super) fn new_api_key(path: &Path, arguments: &ArgMatches) -> Result<(), StartError> {
    let Some(account) = arguments.get_one::<AccountSid>("account") else {
        return Err("expected --account".into());
    };
    let edit = Edit::begin(path, false)?;
    let named: Vec<&String> = arguments.get_many("scope").into_iter().flatten().collect();
    let scopes =
        Scope::ALL.map(Scope::as_str).into_iter().filter(|scope| named.iter().any(|name| name == scope));
    let scopes: Vec<&str> = scopes.collect();
    let sid = ApiKeySid::from_bits(Random::default().u128());
    // Not hexadecimal, so that it cannot be mistaken for its digest.
    let secret = URL_SAFE_NO_PAD.encode(Random::default().bytes::<32>());
    let digest = SecretDigest::of(secret.as_bytes()).to_hex();
    let table =
        format!("[[account.api_key]]\nsid = \"{sid}\"\nsecret_sha256 = \"{digest}\"\nscope = {scopes:?}\n");
    let text = edit.with_table(*account, &table)?;
    let is_added = |after: &Accounts| {
        after.authenticate(sid, secret.as_bytes()).is_some_and(|key| key.account_sid == *account)
    };
    let object = json!({ "sid": sid, "secret": secret, "account_sid": account, "scope": scopes });
    edit.finish(&text, 0, is_added, &output(arguments, object, &[&sid, &secret]))
}

/// The object with `--json`, the lines without.
fn output(arguments: &ArgMatches, object: serde_json::Value, lines: &[&dyn std::fmt::Display]) -> String {
    if arguments.get_flag("json") {
        format!("{object}\n")
    } else {
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}
