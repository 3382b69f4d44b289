//! Parses `accounts.toml` into [`Accounts`], or returns the line and reason of the first error.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt::Display,
    hash::Hash,
    num::NonZeroU32,
    ops::Range,
    path::PathBuf,
    sync::Arc,
};

use conversations::Subscriptions;
use serde::Deserialize;
use shared_types::{
    AccountSid, AddressSid, ApiKeySid, ConversationsServiceSid, DeploymentKey,
    fingerprint::{Mode, Sensitivity},
};
use toml::Spanned;

use super::{
    allowed_origins::AllowedOrigins,
    api_key::{ApiKey, DEFAULT_CALLS_PER_MINUTE, Scopes, SecretDigest},
    assertion_audiences::AssertionAudiences,
    limits::{DeploymentLimits, GuestBytes, RetentionDays},
    snapshot::{Account, Accounts, AccountsError, Deployment, DeploymentIndex, ProofKey},
    webhook::{Webhook, WebhookEvents, WebhookUrl},
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
    conversation_retention_days: Option<RetentionDays>,
    pub(super) assertion_audiences: Option<Spanned<AssertionAudiences>>,
    #[serde(default)]
    deployment: Vec<DeploymentTable>,
    #[serde(default)]
    api_key: Vec<ApiKeyTable>,
    #[serde(default)]
    webhook: Vec<WebhookTable>,
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
    pub(super) rate_limits: DeploymentLimits,
    #[serde(default)]
    guest_bytes_per_hour: GuestBytes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiKeyTable {
    pub(super) sid: Spanned<ApiKeySid>,
    secret_sha256: SecretDigest,
    #[serde(default)]
    scope: Scopes,
    #[serde(default = "default_calls_per_minute")]
    calls_per_minute: NonZeroU32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebhookTable {
    pub(super) url: Spanned<WebhookUrl>,
    pub(super) signing_secret_file: Spanned<PathBuf>,
    #[serde(default)]
    events: WebhookEvents,
}

fn default_enabled() -> bool {
    true
}

fn default_calls_per_minute() -> NonZeroU32 {
    DEFAULT_CALLS_PER_MINUTE
}

impl Accounts {
    /// Parses the text of `accounts.toml`.
    ///
    /// # Errors
    ///
    /// The first of: malformed TOML, an unknown or missing field, a malformed value, a duplicate account, deployment key
    /// or API key, more than [`AllowedOrigins::MAX_ENTRIES`] origins, a malformed origin, a malformed or duplicate assertion
    /// audience. A text without any account is an error
    /// too, since a file that is being replaced can be empty.
    pub fn parse(text: &str) -> Result<Self, AccountsError> {
        parse(text)
    }
}

fn parse(text: &str) -> Result<Accounts, AccountsError> {
    // Allocated at once: growing would fragment memory.
    let deployments = text.matches("[[account.deployment]]").count();
    let accounts = Accounts {
        accounts: Vec::new(),
        by_sid: HashMap::new(),
        deployments: Vec::with_capacity(deployments),
        by_key: HashMap::with_capacity(deployments),
        api_keys: Vec::new(),
        by_api_key_sid: HashMap::new(),
    };
    let keys_at = Vec::with_capacity(deployments);
    let (sids, api_key_sids) = (UniqueIds::default(), UniqueIds::default());
    let mut reader = Reader { text, accounts, sids, api_key_sids, keys_at };
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

/// Splits the text into blocks of one account each, which parse separately to the same result. Parsing needs about 2 KiB a
/// deployment; this bounds it by the largest account instead of by the file.
///
/// A header inside a string or a list is split at too. Such a text is malformed in any case, since no value of this file
/// may contain such a line. A text that begins with anything but an account is one block.
fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut blocks: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = line.trim();
        if code.starts_with("[[account]]") {
            // Lines before the first account belong to its block.
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
    api_key_sids: UniqueIds<ApiKeySid>,
    /// Offset of each deployment's key.
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
        let sid = self.sids.insert(self.text, begin, &table.sid)?;
        let (account, first) = (self.accounts.accounts.len(), self.accounts.deployments.len());
        for deployment in table.deployment {
            self.deployment(begin, account, deployment)?;
        }
        let first_api_key = self.accounts.api_keys.len();
        for api_key in table.api_key {
            self.api_key(begin, sid, api_key)?;
        }
        let mut webhooks: Vec<Webhook> = Vec::with_capacity(table.webhook.len());
        for webhook in table.webhook {
            let (url, at) = (webhook.url.get_ref(), begin + webhook.url.span().start);
            // An event would be sent to it twice.
            if webhooks.iter().any(|other| other.url == *url) {
                return Err(fault(self.text, at, "another webhook of this account has the same URL"));
            }
            let WebhookTable { url, signing_secret_file, events } = webhook;
            let signing_secret_file = signing_secret_file.into_inner();
            webhooks.push(Webhook { url: url.into_inner(), signing_secret_file, events });
        }
        self.accounts.by_sid.insert(sid, account);
        self.accounts.accounts.push(Arc::new(Account {
            sid,
            webchat_security: table.webchat_security,
            fingerprint_sensitivity: table.fingerprint_sensitivity,
            fingerprint_mode: table.fingerprint_mode,
            conversations_service_sid: table.conversations_service_sid,
            conversation_retention_days: table.conversation_retention_days,
            assertion_audiences: table.assertion_audiences.map(Spanned::into_inner).unwrap_or_default(),
            deployments: first..self.accounts.deployments.len(),
            api_keys: first_api_key..self.accounts.api_keys.len(),
            subscriptions: Subscriptions::new(webhooks.iter().map(|webhook| webhook.subscription(sid))),
            webhooks,
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
        let index = DeploymentIndex { account, deployment: self.accounts.deployments.len() };
        match self.accounts.by_key.entry(key) {
            Entry::Vacant(entry) => entry.insert(index),
            Entry::Occupied(entry) => {
                let first = self.keys_at.get(entry.get().deployment).copied().unwrap_or_default();
                return Err(duplicate(self.text, &key, first, at));
            }
        };
        self.keys_at.push(at);
        let entries: Vec<&str> = table.allowed_origins.iter().map(|entry| entry.get_ref().as_str()).collect();
        let allowed_origins = AllowedOrigins::parse(&entries).map_err(|malformed| {
            let at = table.allowed_origins.get(malformed.index).map_or(0, |entry| entry.span().start);
            fault(self.text, begin + at, malformed.reason)
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

    fn api_key(
        &mut self,
        begin: usize,
        account_sid: AccountSid,
        table: ApiKeyTable,
    ) -> Result<(), AccountsError> {
        let sid = self.api_key_sids.insert(self.text, begin, &table.sid)?;
        self.accounts.by_api_key_sid.insert(sid, self.accounts.api_keys.len());
        self.accounts.api_keys.push(ApiKey {
            sid,
            account_sid,
            secret: table.secret_sha256,
            scopes: table.scope,
            calls_per_minute: table.calls_per_minute,
        });
        Ok(())
    }
}

/// Identifiers that must be unique in the file, with the offsets where they were found.
pub(super) struct UniqueIds<T>(HashMap<T, usize>);

impl<T> Default for UniqueIds<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Copy + Eq + Hash + Display> UniqueIds<T> {
    /// Records an identifier of the block that begins at offset `begin`; an error if it is a duplicate.
    pub(super) fn insert(&mut self, text: &str, begin: usize, id: &Spanned<T>) -> Result<T, AccountsError> {
        let at = begin + id.span().start;
        match self.0.insert(*id.get_ref(), at) {
            None => Ok(*id.get_ref()),
            Some(first) => Err(duplicate(text, id.get_ref(), first, at)),
        }
    }
}

fn duplicate(text: &str, id: &impl Display, first: usize, second: usize) -> AccountsError {
    fault(text, second, format!("{id} is already in line {}", line_of(text, first)))
}

fn fault(text: &str, at: usize, reason: impl Into<String>) -> AccountsError {
    AccountsError { line: line_of(text, at), reason: reason.into() }
}

/// The line, from 1, of the byte at `offset`.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&byte| byte == b'\n').count()
}
