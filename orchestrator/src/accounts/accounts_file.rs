//! Follows `accounts.toml`: holds the current snapshot and replaces it when the file changes. A malformed edit is logged,
//! and the last good snapshot stays (contract, section 10).
//!
//! The file is polled instead of watched: inotify does not report a replaced path, such as the symbolic link of a
//! Kubernetes ConfigMap or the source of a bind mount. A poll reads the file only if its metadata changed; of its text only
//! a digest is kept.

mod background_thread;
mod change_detector;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, Guard};
use service_runtime::watched_file::Debounce;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use self::{
    background_thread::BackgroundThread,
    change_detector::{ChangeDetector, Digest, Stamp},
};
use super::snapshot::{Accounts, AccountsError};

/// The accounts file and the last good snapshot of it.
#[derive(Debug)]
pub struct AccountsFile {
    path: PathBuf,
    current: ArcSwap<Accounts>,
    loaded: Digest,
    reloads: watch::Sender<AccountsReload>,
    background_thread: BackgroundThread,
}

/// The result of the file's last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountsReload {
    /// 0 at start; incremented by each change, accepted or rejected.
    pub generation: u64,
    /// Whether it was accepted.
    pub outcome: ReloadOutcome,
}

/// Whether a change was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// The snapshot is the file's current content.
    Loaded,
    /// The previous snapshot stays; the reason in one line.
    Rejected(String),
}

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
        let (reloads, _) = watch::channel(AccountsReload { generation: 0, outcome: ReloadOutcome::Loaded });
        Ok(Self { path, current: ArcSwap::from_pointee(accounts), loaded, reloads, background_thread })
    }

    /// The last good snapshot.
    pub fn current(&self) -> Guard<Arc<Accounts>> {
        self.current.load()
    }

    /// The folder that relative paths of the file start at.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Notifies of every change of the file, after [`current`](Self::current) reflects it.
    pub fn reloads(&self) -> watch::Receiver<AccountsReload> {
        self.reloads.subscribe()
    }

    /// Polls the file every `period` and applies a valid change at the second read that shows it. Never returns; run it
    /// once, as its own task.
    pub async fn follow(&self, period: Duration) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut change_detector, mut changes) =
            (ChangeDetector::default(), Debounce::new(Ok(self.loaded.clone())));
        loop {
            ticks.tick().await;
            let path = self.path.clone();
            let polled = self.background_thread.run(move || {
                let parsed = poll(&path, &mut change_detector, &mut changes);
                (change_detector, changes, parsed)
            });
            let parsed;
            (change_detector, changes, parsed) = polled.await;
            if let Some(parsed) = parsed {
                self.apply(parsed).await;
            }
        }
    }

    async fn apply(&self, parsed: Parsed) {
        let file = self.path.display();
        let outcome = match parsed {
            Ok(Ok(accounts)) => {
                tracing::info!(%file, accounts = accounts.accounts().len(), "accounts reloaded");
                let replaced = self.current.swap(Arc::new(accounts));
                self.background_thread.run(move || drop(replaced)).await;
                ReloadOutcome::Loaded
            }
            Ok(Err(AccountsError { line, reason })) => {
                tracing::error!(%file, line, reason, "accounts file malformed, keeping the previous accounts");
                ReloadOutcome::Rejected(format!("{file}: line {line}: {reason}"))
            }
            Err(reason) => {
                tracing::error!(%file, reason, "accounts file unreadable, keeping the previous accounts");
                ReloadOutcome::Rejected(format!("{file}: {reason}"))
            }
        };
        self.reloads.send_modify(|reload| {
            *reload = AccountsReload { generation: reload.generation + 1, outcome };
        });
    }
}

/// The parsed text, or the error of reading it.
type Parsed = Result<Result<Accounts, AccountsError>, String>;

/// Polls the file once. Returns its accounts if it changed and is stable.
fn poll(
    path: &Path,
    change_detector: &mut ChangeDetector,
    changes: &mut Debounce<Result<Digest, String>>,
) -> Option<Parsed> {
    let began = Instant::now();
    if !change_detector.must_read(&Stamp::of(path), began) {
        return None;
    }
    let (seen, text) = match read(path) {
        Ok((digest, text)) => (Ok(digest), Ok(text)),
        Err(reason) => (Err(reason.clone()), Err(reason)),
    };
    let is_change = changes.observe(seen);
    change_detector.has_read(began, &Stamp::of(path), changes.is_stable());
    is_change.then(|| text.map(|text| Accounts::parse(&text)))
}

/// Reads the file, or returns the error of the operating system.
fn read(path: &Path) -> Result<(Digest, String), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    Ok((Digest::of(&text), text))
}
