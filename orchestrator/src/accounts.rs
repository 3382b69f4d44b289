//! `FWO ->> FWO: Fetches accountSid with Deployment Key` and `FWO ->> FWO: Fetches Account Configurations`: the content
//! of `accounts.toml` (contract, section 9) as a snapshot that never changes. A request takes one [`Configuration`] from
//! it and keeps that until it ends, whatever becomes of the file meanwhile; `accounts_file` follows the file.

pub mod check;
mod document;

use std::{collections::HashMap, ops::Range, sync::Arc};

use serde::Deserialize;
use shared_types::{
    AccountSid, AddressSid, ConversationsServiceSid, DeploymentKey,
    fingerprint::{Mode, Sensitivity},
};

use crate::{
    allowed_origins::AllowedOrigins,
    rate_limit::{GuestBytes, Limits},
};

/// The accounts and their deployments, as one edit of the file left them: in a few large pieces of memory, so that a
/// million deployments take some 140 bytes each and a list of origins, and so that the operating system has the memory
/// of a replaced snapshot back at once.
#[derive(Debug)]
pub struct Accounts {
    /// In the order of the file.
    accounts: Vec<Arc<Account>>,
    by_sid: HashMap<AccountSid, usize>,
    /// Account by account, in the order of the file.
    deployments: Vec<Deployment>,
    by_key: HashMap<DeploymentKey, Place>,
}

/// Where a deployment and its account stand in the lists.
#[derive(Clone, Copy, Debug)]
struct Place {
    account: usize,
    deployment: usize,
}

/// An account.
#[derive(Debug)]
pub struct Account {
    /// Which account.
    pub sid: AccountSid,
    webchat_security: bool,
    /// How much of a browser may change before its session is refused.
    pub fingerprint_sensitivity: Sensitivity,
    /// What becomes of a request whose fingerprint is refused.
    pub fingerprint_mode: Mode,
    /// The service that the account's conversations are in.
    pub conversations_service_sid: ConversationsServiceSid,
    /// Where its deployments stand in the list of all.
    deployments: Range<usize>,
}

/// A deployment of the chat on a site. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The key that stands in the page.
    pub key: DeploymentKey,
    /// Where its conversations arrive.
    pub address_sid: AddressSid,
    /// The origins whose pages may use it; empty: any.
    pub allowed_origins: AllowedOrigins,
    /// Whether it may be used at all.
    pub enabled: bool,
    /// Whether its sessions need a proof key.
    pub proof_key: ProofKey,
    /// How often it may be called.
    pub rate_limits: Limits,
    /// How much its guests may have stored.
    pub guest_bytes_per_hour: GuestBytes,
}

/// Whether new sessions of a deployment need a proof key (RFC 9449). Sessions that have none live to their end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProofKey {
    /// Browsers that can keep a key have one; the others do without.
    #[default]
    Optional,
    /// A session without one is refused.
    Required,
}

/// What a deployment key leads to. Cheap to clone, and unmoved by later edits of the file.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The account of the deployment.
    pub account: Arc<Account>,
    /// The deployment.
    pub deployment: Deployment,
}

/// Why a text is not taken for the accounts: one line for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct AccountsError {
    /// The line at fault, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl Accounts {
    /// Parses the text of `accounts.toml`.
    ///
    /// The first fault is the error: malformed TOML, an unknown or missing field, a malformed value, an account or a
    /// deployment key that stands there twice, more than [`AllowedOrigins::MAX_ENTRIES`] origins or a malformed one.
    /// A text without any account is one too: it is what a file looks like while it is being replaced.
    pub fn parse(text: &str) -> Result<Self, AccountsError> {
        document::parse(text)
    }

    /// The account and the deployment that this key belongs to: one look-up.
    pub fn by_deployment_key(&self, key: &DeploymentKey) -> Option<Configuration> {
        let place = self.by_key.get(key)?;
        Some(Configuration {
            account: Arc::clone(self.accounts.get(place.account)?),
            deployment: self.deployments.get(place.deployment)?.clone(),
        })
    }

    /// The account with this sid.
    pub fn account(&self, sid: &AccountSid) -> Option<&Arc<Account>> {
        self.accounts.get(*self.by_sid.get(sid)?)
    }

    /// The deployments of the account with this sid, in the order of the file.
    pub fn deployments(&self, sid: &AccountSid) -> &[Deployment] {
        let range = self.account(sid).map(|account| account.deployments.clone());
        range.and_then(|range| self.deployments.get(range)).unwrap_or_default()
    }

    /// All accounts, in the order of the file.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = &Arc<Account>> {
        self.accounts.iter()
    }
}

impl Account {
    /// The feature flag *webchat security* (contract, section 1). Read here and nowhere else, so that another source
    /// of flags has one place to go.
    pub fn webchat_security_is_on(&self) -> bool {
        self.webchat_security
    }
}
