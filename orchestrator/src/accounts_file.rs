//! `accounts.toml` as it changes: the snapshot that requests take their configuration from, and the follower that
//! replaces it. A broken edit is reported and the last good one stays (contract, section 9).
//!
//! The file is looked at at an interval instead of being watched: what is replaced under the path, a Kubernetes
//! ConfigMap's symbolic link or the source of a bind mount, does not reach inotify. A look reads the file only if its
//! metadata have changed; nothing of its text is kept but a digest.

mod background_thread;
mod change_detector;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, Guard};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use self::{
    background_thread::BackgroundThread,
    change_detector::{ChangeDetector, Changes, Digest, Stamp},
};
use crate::accounts::{Accounts, AccountsError};

/// The accounts file and the last good snapshot of it.
#[derive(Debug)]
pub struct AccountsFile {
    path: PathBuf,
    current: ArcSwap<Accounts>,
    loaded: Digest,
    reloads: watch::Sender<Reload>,
    background_thread: BackgroundThread,
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
        let unreadable = |reason| AccountsFileError::Unreadable { path: path.clone(), reason };
        let background_thread = BackgroundThread::open().map_err(|error| unreadable(error.to_string()))?;
        let read = {
            let path = path.clone();
            background_thread
                .run(move || read(&path).map(|(digest, text)| (digest, Accounts::parse(&text))))
                .await
        };
        let (loaded, parsed) = read.map_err(unreadable)?;
        let accounts = match parsed {
            Ok(accounts) => accounts,
            Err(error) => return Err(AccountsFileError::Malformed { path, error }),
        };
        let (reloads, _) = watch::channel(Reload { generation: 0, outcome: Outcome::Loaded });
        Ok(Self { path, current: ArcSwap::from_pointee(accounts), loaded, reloads, background_thread })
    }

    /// The last good snapshot.
    pub fn current(&self) -> Guard<Arc<Accounts>> {
        self.current.load()
    }

    /// Tells of every change of the file once [`current`](Self::current) reflects what became of it.
    pub fn reloads(&self) -> watch::Receiver<Reload> {
        self.reloads.subscribe()
    }

    /// Looks at the file every `period` and takes a good change, at the second read that shows it. Never ends; to be
    /// run once, as a task of its own.
    pub async fn follow(&self, period: Duration) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut change_detector, mut changes) =
            (ChangeDetector::default(), Changes::since(Ok(self.loaded.clone())));
        loop {
            ticks.tick().await;
            let path = self.path.clone();
            let looked = self.background_thread.run(move || {
                let parsed = look(&path, &mut change_detector, &mut changes);
                (change_detector, changes, parsed)
            });
            let parsed;
            (change_detector, changes, parsed) = looked.await;
            if let Some(parsed) = parsed {
                self.take(parsed).await;
            }
        }
    }

    async fn take(&self, parsed: Parsed) {
        let file = self.path.display();
        let outcome = match parsed {
            Ok(Ok(accounts)) => {
                tracing::info!(%file, accounts = accounts.accounts().len(), "the accounts were reloaded");
                let replaced = self.current.swap(Arc::new(accounts));
                self.background_thread.run(move || drop(replaced)).await;
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

/// What became of the text, or of reading it.
type Parsed = Result<Result<Accounts, AccountsError>, String>;

/// One look at the file: its accounts, if it has changed and come to rest.
fn look(path: &Path, change_detector: &mut ChangeDetector, changes: &mut Changes) -> Option<Parsed> {
    let began = Instant::now();
    if !change_detector.must_read(&Stamp::of(path), began) {
        return None;
    }
    let (seen, text) = match read(path) {
        Ok((digest, text)) => (Ok(digest), Ok(text)),
        Err(reason) => (Err(reason.clone()), Err(reason)),
    };
    let is_change = changes.notice(seen);
    change_detector.has_read(began, &Stamp::of(path), changes.are_at_rest());
    is_change.then(|| text.map(|text| Accounts::parse(&text)))
}

/// Reads the file, or says what the operating system says.
fn read(path: &Path) -> Result<(Digest, String), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    Ok((Digest::of(&text), text))
}
