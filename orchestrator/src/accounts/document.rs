//! The text of `accounts.toml` becomes [`Accounts`], or the line that is at fault and what is wrong with it.

use std::{collections::HashMap, fmt::Display, hash::Hash, ops::Range, sync::Arc};

use serde::Deserialize;
use shared_types::{
    AccountSid, AddressSid, ConversationsServiceSid, DeploymentKey,
    fingerprint::{Mode, Sensitivity},
};
use toml::Spanned;

use super::{Account, Accounts, AccountsError, Configuration, Deployment};
use crate::{allowed_origins::AllowedOrigins, rate_limit::Limits};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    account: Vec<AccountTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountTable {
    pub(super) sid: Spanned<AccountSid>,
    webchat_security: bool,
    #[serde(default)]
    fingerprint_sensitivity: Sensitivity,
    #[serde(default)]
    fingerprint_mode: Mode,
    conversations_service_sid: ConversationsServiceSid,
    #[serde(default)]
    deployment: Vec<DeploymentTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeploymentTable {
    pub(super) key: Spanned<DeploymentKey>,
    address_sid: AddressSid,
    #[serde(default)]
    pub(super) allowed_origins: Vec<Spanned<String>>,
    #[serde(default = "default_enabled")]
    enabled: bool,
    #[serde(default)]
    rate_limits: Limits,
}

fn default_enabled() -> bool {
    true
}

pub(super) fn parse(text: &str) -> Result<Accounts, AccountsError> {
    let document: Document = toml::from_str(text).map_err(|error| {
        let reason = error.message().lines().collect::<Vec<_>>().join("; ");
        fault(text, error.span(), reason)
    })?;
    if document.account.is_empty() {
        return Err(fault(text, None, "there is no [[account]]"));
    }
    let mut sids = Once::default();
    let mut keys = Once::default();
    let mut accounts = HashMap::with_capacity(document.account.len());
    let mut configurations = HashMap::new();
    for table in document.account {
        let sid = sids.take(text, &table.sid)?;
        let mut deployments = Vec::with_capacity(table.deployment.len());
        for table in table.deployment {
            deployments.push(Arc::new(Deployment {
                key: keys.take(text, &table.key)?,
                address_sid: table.address_sid,
                allowed_origins: Arc::new(origins(text, &table.allowed_origins)?),
                enabled: table.enabled,
                rate_limits: table.rate_limits,
            }));
        }
        let account = Arc::new(Account {
            sid,
            webchat_security: table.webchat_security,
            fingerprint_sensitivity: table.fingerprint_sensitivity,
            fingerprint_mode: table.fingerprint_mode,
            conversations_service_sid: table.conversations_service_sid,
            deployments,
        });
        configurations.extend(account.deployments.iter().map(|deployment| {
            let (account, deployment) = (Arc::clone(&account), Arc::clone(deployment));
            (deployment.key, Configuration { account, deployment })
        }));
        accounts.insert(sid, account);
    }
    Ok(Accounts { accounts, configurations })
}

fn origins(text: &str, list: &[Spanned<String>]) -> Result<AllowedOrigins, AccountsError> {
    let entries: Vec<&str> = list.iter().map(|entry| entry.get_ref().as_str()).collect();
    AllowedOrigins::parse(&entries)
        .map_err(|refused| fault(text, list.get(refused.index).map(Spanned::span), refused.reason))
}

/// Identifiers that may stand in the file once, with the lines where they were met.
pub(super) struct Once<T>(HashMap<T, usize>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Copy + Eq + Hash + Display> Once<T> {
    pub(super) fn take(&mut self, text: &str, id: &Spanned<T>) -> Result<T, AccountsError> {
        let line = line_of(text, id.span().start);
        match self.0.insert(*id.get_ref(), line) {
            None => Ok(*id.get_ref()),
            Some(first) => Err(fault(text, Some(id.span()), format!("{id} stands in line {first} already"))),
        }
    }
}

fn fault(text: &str, span: Option<Range<usize>>, reason: impl Into<String>) -> AccountsError {
    AccountsError { line: span.map_or(1, |span| line_of(text, span.start)), reason: reason.into() }
}

/// The line, from 1, that the byte at `offset` stands in.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}
