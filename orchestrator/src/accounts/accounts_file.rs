//! Follows `accounts.toml`: holds the current snapshot and replaces it when the file changes. A malformed edit is logged,
//! and the last good snapshot stays (contract, section 10).

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::Guard;
use service_runtime::watched_file::{BackgroundThread, FileSource, Reload, WatchedFile};
use tokio::sync::watch;

use super::snapshot::{Accounts, AccountsError};

/// The accounts file and the last good snapshot of it.
pub struct AccountsFile(Arc<WatchedFile<AccountsSource>>);

/// The path of the file.
struct AccountsSource(PathBuf);

/// Load error. One line, which names the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountsFileError {
    /// It cannot be read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        reason: String,
    },
    /// It cannot be parsed.
    #[error("{}: {error}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line and reason.
        error: AccountsError,
    },
}

impl AccountsFile {
    /// Loads the file at start; an error if it is missing or malformed.
    pub async fn load(path: impl Into<PathBuf>) -> Result<Self, AccountsFileError> {
        let source = AccountsSource(path.into());
        let thread =
            BackgroundThread::open("accounts").map_err(|error| source.unreadable(&error.to_string()))?;
        Ok(Self(WatchedFile::load_on(thread, source).await?))
    }

    /// The last good snapshot.
    pub fn current(&self) -> Guard<Arc<Accounts>> {
        self.0.current()
    }

    /// The folder that relative paths of the file start at.
    pub fn folder(&self) -> &Path {
        self.0.source().0.parent().unwrap_or(Path::new(""))
    }

    /// Notifies of every change of the file, after [`current`](Self::current) reflects it.
    pub fn reloads(&self) -> watch::Receiver<Reload> {
        self.0.reloads()
    }

    /// Polls the file every `period` and applies valid changes. Never returns; run it once, as its own task.
    pub async fn follow(&self, period: Duration) {
        self.0.follow(period).await;
    }
}

impl fmt::Debug for AccountsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AccountsFile").field(&self.0.source().0).finish()
    }
}

impl AccountsSource {
    fn unreadable(&self, reason: &str) -> AccountsFileError {
        AccountsFileError::Unreadable { path: self.0.clone(), reason: reason.to_owned() }
    }
}

impl FileSource for AccountsSource {
    type Content = String;
    type Value = Accounts;
    type Error = AccountsFileError;

    fn paths(&self) -> Vec<&Path> {
        vec![&self.0]
    }

    fn read(&self) -> Result<String, AccountsFileError> {
        fs::read_to_string(&self.0).map_err(|error| self.unreadable(&error.to_string()))
    }

    fn parts(content: &String) -> Vec<&[u8]> {
        vec![content.as_bytes()]
    }

    fn parse(&self, content: String) -> Result<Accounts, AccountsFileError> {
        let malformed = |error| AccountsFileError::Malformed { path: self.0.clone(), error };
        Accounts::parse(&content).map_err(malformed)
    }

    fn log_loaded(&self, accounts: &Accounts) {
        tracing::info!(file = %self.0.display(), accounts = accounts.accounts().len(), "accounts reloaded");
    }

    fn log_rejected(&self, error: &AccountsFileError) -> String {
        let file = self.0.display();
        match error {
            AccountsFileError::Malformed { error: AccountsError { line, reason }, .. } => {
                tracing::error!(%file, line, reason, "accounts file malformed, keeping the previous accounts");
            }
            AccountsFileError::Unreadable { reason, .. } => {
                tracing::error!(%file, reason, "accounts file unreadable, keeping the previous accounts");
            }
        }
        error.to_string()
    }
}
