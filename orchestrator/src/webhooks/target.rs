//! The configured endpoints.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use conversations::EndpointId;
use shared_types::AccountSid;
use url::Url;

use crate::accounts::{Account, Accounts, Webhook};

/// A configured endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its id in the store.
    pub endpoint: EndpointId,
    /// The account whose events it receives.
    pub account: AccountSid,
    /// Where events are sent.
    pub url: Url,
    /// The file with its signing secrets.
    pub signing_secret_file: PathBuf,
}

impl Target {
    /// The endpoint of an account's webhook. `folder` is the folder of `accounts.toml`.
    pub fn new(account: &Account, webhook: &Webhook, folder: &Path) -> Self {
        Self {
            endpoint: webhook.subscription(account.sid).endpoint,
            account: account.sid,
            url: webhook.url.as_url().clone(),
            signing_secret_file: folder.join(&webhook.signing_secret_file),
        }
    }

    /// All endpoints.
    pub fn all(accounts: &Accounts, folder: &Path) -> HashMap<EndpointId, Arc<Self>> {
        let of_account = |account: &Arc<Account>| -> Vec<_> {
            account.webhooks.iter().map(|webhook| Self::new(account, webhook, folder)).collect()
        };
        let all = accounts.accounts().flat_map(of_account);
        all.map(|target| (target.endpoint.clone(), Arc::new(target))).collect()
    }

    /// The host and port, for logs and metrics: path and query of a URL can be secrets.
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}
