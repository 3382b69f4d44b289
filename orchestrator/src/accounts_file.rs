//! `accounts.toml` as it changes: the snapshot that requests take their configuration from, and the follower that
//! replaces it. A broken edit is reported and the last good one stays (contract, section 9).
//!
//! The file is read again at an interval instead of being watched: what is replaced under the path, a Kubernetes
//! ConfigMap's symbolic link or the source of a bind mount, does not reach inotify, and reading a small file costs
//! nothing worth avoiding.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use crate::accounts::{Accounts, AccountsError};

/// The accounts file and the last good snapshot of it.
#[derive(Debug)]
pub struct AccountsFile {
    path: PathBuf,
    current: ArcSwap<Accounts>,
    loaded: String,
    reloads: watch::Sender<Reload>,
}

/// What became of the file's last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// 0 for what the service started with, one more for each change since, good or bad.
    pub generation: u64,
    /// Whether it was taken.
    pub outcome: Outcome,
}

/// Whether a change was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The snapshot is the file's.
    Loaded,
    /// The snapshot is the one of before; why, in one line.
    Refused(String),
}

/// Why the file cannot be taken. One line, which names the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountsFileError {
    /// It cannot be read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// It can be read, and is not what it should be.
    #[error("{}: {error}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line and reason.
        error: AccountsError,
    },
}

impl AccountsFile {
    /// Reads the file for the first time; without a good one there is nothing to serve.
    pub async fn load(path: impl Into<PathBuf>) -> Result<Self, AccountsFileError> {
        let path = path.into();
        let loaded = match read(&path).await {
            Ok(text) => text,
            Err(reason) => return Err(AccountsFileError::Unreadable { path, reason }),
        };
        let accounts = match Accounts::parse(&loaded) {
            Ok(accounts) => accounts,
            Err(error) => return Err(AccountsFileError::Malformed { path, error }),
        };
        let (reloads, _) = watch::channel(Reload { generation: 0, outcome: Outcome::Loaded });
        Ok(Self { path, current: ArcSwap::from_pointee(accounts), loaded, reloads })
    }

    /// The last good snapshot.
    pub fn current(&self) -> Arc<Accounts> {
        self.current.load_full()
    }

    /// Tells of every change of the file once [`current`](Self::current) reflects what became of it.
    pub fn reloads(&self) -> watch::Receiver<Reload> {
        self.reloads.subscribe()
    }

    /// Reads the file again every `period` and takes a good change, at the second read that shows it. Never ends; to
    /// be run once, as a task of its own.
    pub async fn follow(&self, period: Duration) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut changes = Changes { known: Ok(self.loaded.clone()), changing: None };
        loop {
            ticks.tick().await;
            if let Some(seen) = changes.notice(read(&self.path).await) {
                self.take(seen);
            }
        }
    }

    fn take(&self, seen: &Content) {
        let file = self.path.display();
        let outcome = match seen.as_deref().map(Accounts::parse) {
            Ok(Ok(accounts)) => {
                tracing::info!(%file, accounts = accounts.accounts().len(), "the accounts were reloaded");
                self.current.store(Arc::new(accounts));
                Outcome::Loaded
            }
            Ok(Err(AccountsError { line, reason })) => {
                tracing::error!(%file, line, reason, "the accounts stay as they were: the file is malformed");
                Outcome::Refused(format!("{file}: line {line}: {reason}"))
            }
            Err(reason) => {
                tracing::error!(%file, reason, "the accounts stay as they were: the file cannot be read");
                Outcome::Refused(format!("{file}: {reason}"))
            }
        };
        self.reloads.send_modify(|reload| {
            *reload = Reload { generation: reload.generation + 1, outcome };
        });
    }
}

/// What a read of the file gave: its text, or what the operating system said.
type Content = Result<String, String>;

async fn read(path: &Path) -> Content {
    tokio::fs::read_to_string(path).await.map_err(|error| error.to_string())
}

/// Tells a change of the file from its being in the middle of one. Some editors write in place: what is read then is
/// half of the new text, and half of it may even parse. So what was read counts once the next read gives the same.
struct Changes {
    known: Content,
    changing: Option<Content>,
}

impl Changes {
    /// Takes note of what was read, and gives it back if it is a change that has come to rest.
    fn notice(&mut self, seen: Content) -> Option<&Content> {
        if seen == self.known {
            self.changing = None;
            None
        } else if self.changing.as_ref() == Some(&seen) {
            self.changing = None;
            self.known = seen;
            Some(&self.known)
        } else {
            self.changing = Some(seen);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_once_it_has_come_to_rest() {
        let mut changes = Changes { known: Ok("old".to_owned()), changing: None };
        for (seen, noticed) in [
            ("old", false),
            ("", false),
            ("ne", false),
            ("new", false),
            ("new", true),
            ("new", false),
            ("half", false),
            ("new", false),
            ("half", false),
            ("half", true),
        ] {
            let seen = Ok(seen.to_owned());
            assert_eq!(changes.notice(seen.clone()), noticed.then_some(&seen), "{seen:?}");
        }
    }
}
