//! An immutable snapshot of `accounts.toml`. A request keeps the [`DeploymentConfig`] that it took from one snapshot until
//! it ends, whatever happens to the file meanwhile.

use std::{collections::HashMap, ops::Range, sync::Arc};

use conversations::Subscriptions;
use serde::{Deserialize, Serialize};
use shared_types::{
    AccountSid, AddressSid, ApiKeySid, ConversationsServiceSid, DeploymentKey,
    fingerprint::{Mode, Sensitivity},
};

use super::{
    allowed_origins::AllowedOrigins,
    api_key::{ApiKey, SecretDigest},
    assertion_audiences::AssertionAudiences,
    limits::{DeploymentLimits, GuestBytes, RetentionDays},
    webhook::Webhook,
};

/// The accounts and their deployments. Stored in a few large allocations: a million deployments take about 140 bytes each
/// plus their origins, and the memory of a replaced snapshot returns to the operating system at once.
#[derive(Debug)]
pub struct Accounts {
    /// In file order.
    pub(super) accounts: Vec<Arc<Account>>,
    pub(super) by_sid: HashMap<AccountSid, usize>,
    /// Grouped by account, in file order.
    pub(super) deployments: Vec<Deployment>,
    pub(super) by_key: HashMap<DeploymentKey, DeploymentIndex>,
    /// Grouped by account, in file order.
    pub(super) api_keys: Vec<ApiKey>,
    pub(super) by_api_key_sid: HashMap<ApiKeySid, usize>,
}

/// Indexes of a deployment and its account.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeploymentIndex {
    pub(super) account: usize,
    pub(super) deployment: usize,
}

/// An account.
#[derive(Debug)]
pub struct Account {
    /// The account sid.
    pub sid: AccountSid,
    pub(super) webchat_security: bool,
    /// How much of a browser may change before its session is rejected.
    pub fingerprint_sensitivity: Sensitivity,
    /// What happens to a request whose fingerprint is rejected.
    pub fingerprint_mode: Mode,
    /// The conversations service of the account.
    pub conversations_service_sid: ConversationsServiceSid,
    /// How long its conversations are kept; `None` for the service's setting.
    pub conversation_retention_days: Option<RetentionDays>,
    /// The services that assertions of its guests may be for.
    pub assertion_audiences: AssertionAudiences,
    /// Range of its deployments in the list of all deployments.
    pub(super) deployments: Range<usize>,
    /// Range of its API keys in the list of all API keys.
    pub(super) api_keys: Range<usize>,
    /// Its webhooks, in file order.
    pub webhooks: Vec<Webhook>,
    /// What these receive.
    pub subscriptions: Subscriptions,
}

/// A deployment of the chat on a customer's site. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The deployment key, which the page contains.
    pub key: DeploymentKey,
    /// The address that its conversations arrive at.
    pub address_sid: AddressSid,
    /// The origins whose pages may use it; if empty, any.
    pub allowed_origins: AllowedOrigins,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Whether its sessions need a proof key.
    pub proof_key: ProofKey,
    /// Its rate limits.
    pub rate_limits: DeploymentLimits,
    /// Its budget of bytes that guests may store.
    pub guest_bytes_per_hour: GuestBytes,
}

/// Whether new sessions of a deployment need a proof key (RFC 9449). Existing sessions without one stay valid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProofKey {
    /// Browsers that can keep a key use one; others do without.
    #[default]
    Optional,
    /// A session without one is rejected.
    Required,
}

/// The configuration that one request works with. Cheap to clone; later edits of the file do not change it.
#[derive(Clone, Debug)]
pub struct DeploymentConfig {
    /// The account of the deployment.
    pub account: Arc<Account>,
    /// The deployment.
    pub deployment: Deployment,
}

/// Parse error of `accounts.toml`: one line for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct AccountsError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

impl Accounts {
    /// The account and deployment of a deployment key: one hash lookup.
    pub fn by_deployment_key(&self, key: &DeploymentKey) -> Option<DeploymentConfig> {
        let index = self.by_key.get(key)?;
        Some(DeploymentConfig {
            account: Arc::clone(self.accounts.get(index.account)?),
            deployment: self.deployments.get(index.deployment)?.clone(),
        })
    }

    /// The account with this sid.
    pub fn account(&self, sid: &AccountSid) -> Option<&Arc<Account>> {
        self.accounts.get(*self.by_sid.get(sid)?)
    }

    /// The deployments of the account with this sid, in file order.
    pub fn deployments(&self, sid: &AccountSid) -> &[Deployment] {
        let range = self.account(sid).map(|account| account.deployments.clone());
        range.and_then(|range| self.deployments.get(range)).unwrap_or_default()
    }

    /// The API key with this sid and secret. An unknown sid takes as long as a wrong secret, so that timing does not show
    /// which sids exist.
    pub fn authenticate(&self, sid: ApiKeySid, secret: &[u8]) -> Option<ApiKey> {
        let found = self.api_key(&sid);
        let is_authentic = found.map_or(SecretDigest::NONE, |key| key.secret).matches(secret);
        found.copied().filter(|_| is_authentic)
    }

    /// The API key with this sid: one hash lookup.
    pub fn api_key(&self, sid: &ApiKeySid) -> Option<&ApiKey> {
        self.api_keys.get(*self.by_api_key_sid.get(sid)?)
    }

    /// The API keys of the account with this sid, in file order.
    pub fn api_keys(&self, sid: &AccountSid) -> &[ApiKey] {
        let range = self.account(sid).map(|account| account.api_keys.clone());
        range.and_then(|range| self.api_keys.get(range)).unwrap_or_default()
    }

    /// Whether there is more than one deployment.
    pub fn has_several_deployments(&self) -> bool {
        self.deployments.len() > 1
    }

    /// All accounts, in file order.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = &Arc<Account>> {
        self.accounts.iter()
    }
}

impl Account {
    /// The feature flag *webchat security* (contract, section 1). The only place that reads it, so another source of flags
    /// can replace it here.
    pub fn webchat_security_is_on(&self) -> bool {
        self.webchat_security
    }
}
