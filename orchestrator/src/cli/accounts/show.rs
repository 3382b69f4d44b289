//! `orchestrator accounts list` and `show`.

use std::{
    fs,
    io::{Write as _, stdout},
    path::Path,
};

use clap::ArgMatches;
use conversations::EventType;
use serde::Serialize;
use service_runtime::command::StartError;
use shared_types::{
    AccountSid, AddressSid, ApiKeySid, AssertionAudience, ConversationsServiceSid, DeploymentKey,
    fingerprint::{Mode, Sensitivity},
};

use super::fault;
use crate::accounts::{Account, Accounts, ApiKey, Deployment, ProofKey, RetentionDays, Scope, Webhook};

/// An account in the list.
#[derive(Serialize)]
struct Summary {
    sid: AccountSid,
    webchat_security: bool,
    conversations_service_sid: ConversationsServiceSid,
    deployments: usize,
    api_keys: usize,
}

/// An account with its settings.
#[derive(Serialize)]
struct Details<'a> {
    sid: AccountSid,
    webchat_security: bool,
    fingerprint_sensitivity: Sensitivity,
    fingerprint_mode: Mode,
    conversations_service_sid: ConversationsServiceSid,
    conversation_retention_days: Option<u32>,
    assertion_audiences: Vec<&'a AssertionAudience>,
    deployments: Vec<DeploymentDetails<'a>>,
    api_keys: Vec<ApiKeyDetails>,
    webhooks: Vec<WebhookDetails<'a>>,
}

#[derive(Serialize)]
struct DeploymentDetails<'a> {
    key: DeploymentKey,
    address_sid: AddressSid,
    allowed_origins: Vec<&'a str>,
    enabled: bool,
    proof_key: ProofKey,
}

/// Without the digest of the secret.
#[derive(Serialize)]
struct ApiKeyDetails {
    sid: ApiKeySid,
    scope: Vec<Scope>,
    calls_per_minute: u32,
}

/// Without the signing secrets.
#[derive(Serialize)]
struct WebhookDetails<'a> {
    url: &'a str,
    events: Vec<&'static str>,
}

pub(super) fn list(path: &Path, arguments: &ArgMatches) -> Result<(), StartError> {
    let accounts = parse(path)?;
    let summary = |account: &std::sync::Arc<Account>| Summary {
        sid: account.sid,
        webchat_security: account.webchat_security_is_on(),
        conversations_service_sid: account.conversations_service_sid,
        deployments: accounts.deployments(&account.sid).len(),
        api_keys: accounts.api_keys(&account.sid).len(),
    };
    let summaries: Vec<Summary> = accounts.accounts().map(summary).collect();
    let mut out = stdout().lock();
    if arguments.get_flag("json") {
        return Ok(writeln!(out, "{}", serde_json::to_string(&summaries)?)?);
    }
    for Summary { sid, deployments, api_keys, .. } in summaries {
        writeln!(out, "{sid} deployments={deployments} api_keys={api_keys}")?;
    }
    Ok(())
}

pub(super) fn show(path: &Path, arguments: &ArgMatches) -> Result<(), StartError> {
    let accounts = parse(path)?;
    let sid = arguments.get_one::<AccountSid>("account").ok_or("expected --account")?;
    let account = accounts.account(sid).ok_or_else(|| fault(path, &format_args!("no account {sid}")))?;
    let details = Details {
        sid: account.sid,
        webchat_security: account.webchat_security_is_on(),
        fingerprint_sensitivity: account.fingerprint_sensitivity,
        fingerprint_mode: account.fingerprint_mode,
        conversations_service_sid: account.conversations_service_sid,
        conversation_retention_days: account.conversation_retention_days.map(RetentionDays::get),
        assertion_audiences: account.assertion_audiences.entries().collect(),
        deployments: accounts.deployments(sid).iter().map(DeploymentDetails::of).collect(),
        api_keys: accounts.api_keys(sid).iter().map(ApiKeyDetails::of).collect(),
        webhooks: account.webhooks.iter().map(WebhookDetails::of).collect(),
    };
    let mut out = stdout().lock();
    if arguments.get_flag("json") {
        return Ok(writeln!(out, "{}", serde_json::to_string(&details)?)?);
    }
    Ok(out.write_all(text_of(&serde_json::to_value(&details)?).as_bytes())?)
}

fn parse(path: &Path) -> Result<Accounts, StartError> {
    let text = fs::read_to_string(path).map_err(|error| fault(path, &error))?;
    Accounts::parse(&text).map_err(|error| fault(path, &error))
}

impl<'a> DeploymentDetails<'a> {
    fn of(deployment: &'a Deployment) -> Self {
        Self {
            key: deployment.key,
            address_sid: deployment.address_sid,
            allowed_origins: deployment.allowed_origins.entries().collect(),
            enabled: deployment.enabled,
            proof_key: deployment.proof_key,
        }
    }
}

impl ApiKeyDetails {
    fn of(key: &ApiKey) -> Self {
        Self {
            sid: key.sid,
            scope: key.scopes.iter().collect(),
            calls_per_minute: key.calls_per_minute.get(),
        }
    }
}

impl<'a> WebhookDetails<'a> {
    fn of(webhook: &'a Webhook) -> Self {
        Self {
            url: webhook.url.as_url().as_str(),
            events: webhook.events.iter().map(EventType::as_str).collect(),
        }
    }
}

/// The fields of an object, one per line; of a list, one element per line.
fn text_of(object: &serde_json::Value) -> String {
    let fields = object.as_object().into_iter().flatten();
    let lines = fields.flat_map(|(name, value)| match value.as_array() {
        Some(objects) => {
            let name = name.trim_end_matches('s');
            let line = |element: &serde_json::Value| match element.is_object() {
                true => format!("{name}:{}\n", fields_of(element)),
                false => format!("{name}: {}\n", word(element)),
            };
            objects.iter().map(line).collect()
        }
        None => vec![format!("{name}: {}\n", word(value))],
    });
    lines.collect()
}

/// ` key=CV… enabled=true`
fn fields_of(object: &serde_json::Value) -> String {
    let fields = object.as_object().into_iter().flatten();
    fields.map(|(name, value)| format!(" {name}={}", word(value))).collect()
}

fn word(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => "default".to_owned(),
        serde_json::Value::Array(words) => words.iter().map(word).collect::<Vec<_>>().join(","),
        value
        @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_) | serde_json::Value::Object(_)) => {
            value.to_string()
        }
    }
}
