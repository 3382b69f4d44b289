//! The text of `accounts.toml` becomes [`Accounts`], or the line that is at fault and what is wrong with it.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt::Display,
    hash::Hash,
    ops::Range,
    sync::Arc,
};

use serde::Deserialize;
use shared_types::{
    AccountSid, AddressSid, ConversationsServiceSid, DeploymentKey,
    fingerprint::{Mode, Sensitivity},
};
use toml::Spanned;

use super::{Account, Accounts, AccountsError, Deployment, Place, ProofKey};
use crate::{
    allowed_origins::AllowedOrigins,
    rate_limit::{GuestBytes, Limits},
};

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
    proof_key: ProofKey,
    #[serde(default)]
    pub(super) rate_limits: Limits,
    #[serde(default)]
    guest_bytes_per_hour: GuestBytes,
}

fn default_enabled() -> bool {
    true
}

pub(super) fn parse(text: &str) -> Result<Accounts, AccountsError> {
    // Room for all at once: what grows leaves pieces of memory behind.
    let deployments = text.matches("[[account.deployment]]").count();
    let accounts = Accounts {
        accounts: Vec::new(),
        by_sid: HashMap::new(),
        deployments: Vec::with_capacity(deployments),
        by_key: HashMap::with_capacity(deployments),
    };
    let mut reader =
        Reader { text, accounts, sids: UniqueIds::default(), keys_at: Vec::with_capacity(deployments) };
    for block in blocks(text) {
        reader.read(block)?;
    }
    let mut accounts = reader.accounts;
    if accounts.accounts.is_empty() {
        return Err(fault(text, 0, "there is no [[account]]"));
    }
    accounts.deployments.shrink_to_fit();
    Ok(accounts)
}

/// The text in pieces that say the same when each is parsed by itself, one account in each. Parsing takes some 2 KiB a
/// deployment while it lasts: that is an account's sum now, not the file's.
///
/// A header within a string or a list is cut at too. Such a text is at fault in any case, since no value in this file
/// may have such a line in it. A text that begins with anything but an account is one piece.
fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut blocks: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = line.trim();
        if code.starts_with("[[account]]") {
            // What stands before the first one is the first one's.
            blocks.push(if blocks.is_empty() { 0..at } else { at..at });
        } else if blocks.is_empty() && !code.is_empty() && !code.starts_with('#') {
            break;
        }
        at += line.len();
        if let Some(last) = blocks.last_mut() {
            last.end = at;
        }
    }
    if blocks.is_empty() {
        blocks.push(0..text.len());
    }
    blocks
}

struct Reader<'t> {
    text: &'t str,
    accounts: Accounts,
    sids: UniqueIds<AccountSid>,
    /// Where the key of each deployment stands.
    keys_at: Vec<usize>,
}

impl Reader<'_> {
    fn read(&mut self, block: Range<usize>) -> Result<(), AccountsError> {
        let begin = block.start;
        let document = self.text.get(block).unwrap_or_default();
        let document: Document = toml::from_str(document).map_err(|error| {
            let reason = error.message().lines().collect::<Vec<_>>().join("; ");
            fault(self.text, begin + error.span().map_or(0, |span| span.start), reason)
        })?;
        for table in document.account {
            self.account(begin, table)?;
        }
        Ok(())
    }

    fn account(&mut self, begin: usize, table: AccountTable) -> Result<(), AccountsError> {
        let sid = self.sids.take(self.text, begin, &table.sid)?;
        let (account, first) = (self.accounts.accounts.len(), self.accounts.deployments.len());
        for deployment in table.deployment {
            self.deployment(begin, account, deployment)?;
        }
        self.accounts.by_sid.insert(sid, account);
        self.accounts.accounts.push(Arc::new(Account {
            sid,
            webchat_security: table.webchat_security,
            fingerprint_sensitivity: table.fingerprint_sensitivity,
            fingerprint_mode: table.fingerprint_mode,
            conversations_service_sid: table.conversations_service_sid,
            deployments: first..self.accounts.deployments.len(),
        }));
        Ok(())
    }

    fn deployment(
        &mut self,
        begin: usize,
        account: usize,
        table: DeploymentTable,
    ) -> Result<(), AccountsError> {
        let (key, at) = (*table.key.get_ref(), begin + table.key.span().start);
        let place = Place { account, deployment: self.accounts.deployments.len() };
        match self.accounts.by_key.entry(key) {
            Entry::Vacant(entry) => entry.insert(place),
            Entry::Occupied(entry) => {
                let first = self.keys_at.get(entry.get().deployment).copied().unwrap_or_default();
                return Err(stands_twice(self.text, &key, first, at));
            }
        };
        self.keys_at.push(at);
        let entries: Vec<&str> = table.allowed_origins.iter().map(|entry| entry.get_ref().as_str()).collect();
        let allowed_origins = AllowedOrigins::parse(&entries).map_err(|refused| {
            let at = table.allowed_origins.get(refused.index).map_or(0, |entry| entry.span().start);
            fault(self.text, begin + at, refused.reason)
        })?;
        self.accounts.deployments.push(Deployment {
            key,
            address_sid: table.address_sid,
            allowed_origins,
            enabled: table.enabled,
            proof_key: table.proof_key,
            rate_limits: table.rate_limits,
            guest_bytes_per_hour: table.guest_bytes_per_hour,
        });
        Ok(())
    }
}

/// Identifiers that may stand in the file once, with the places where they were met.
pub(super) struct UniqueIds<T>(HashMap<T, usize>);

impl<T> Default for UniqueIds<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Copy + Eq + Hash + Display> UniqueIds<T> {
    /// Takes note of an identifier in the part of the text that begins at `begin`.
    pub(super) fn take(&mut self, text: &str, begin: usize, id: &Spanned<T>) -> Result<T, AccountsError> {
        let at = begin + id.span().start;
        match self.0.insert(*id.get_ref(), at) {
            None => Ok(*id.get_ref()),
            Some(first) => Err(stands_twice(text, id.get_ref(), first, at)),
        }
    }
}

fn stands_twice(text: &str, id: &impl Display, first: usize, second: usize) -> AccountsError {
    fault(text, second, format!("{id} stands in line {} already", line_of(text, first)))
}

fn fault(text: &str, at: usize, reason: impl Into<String>) -> AccountsError {
    AccountsError { line: line_of(text, at), reason: reason.into() }
}

/// The line, from 1, that the byte at `offset` stands in.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}
