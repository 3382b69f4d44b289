//! A file, or several that belong together, reloaded on change: certificates, keys, accounts, signing secrets. A change is
//! applied as a whole; invalid content is logged, and the previous value stays in use.
//!
//! The files are polled instead of watched: inotify does not report a replaced path, such as the symbolic link of a
//! Kubernetes ConfigMap or the source of a bind mount. A poll reads them only if their metadata changed
//! (`ChangeDetector`), and a change counts at the second read that shows it (`Debounce`). Of the content only a hash is
//! kept.

mod background_thread;
mod change_detector;
mod debounce;

use std::{
    fmt::Display,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::{ArcSwap, Guard};
use ring::digest::{Context, SHA256};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

pub use self::background_thread::BackgroundThread;
use self::{
    change_detector::{ChangeDetector, Stamps},
    debounce::Debounce,
};

/// What the files of a [`WatchedFile`] hold. Its functions block; they run outside of the async runtime's threads.
pub trait FileSource: Send + Sync + 'static {
    /// The raw content; a type that is zeroized when dropped, if it is secret.
    type Content;
    /// The parsed content.
    type Value: Send + Sync + 'static;
    /// Why files are rejected: one line, which repeats nothing secret.
    type Error: Display + Send + 'static;

    /// The files. Their metadata shows whether they must be read.
    fn paths(&self) -> Vec<&Path>;

    /// Reads the files.
    fn read(&self) -> Result<Self::Content, Self::Error>;

    /// The content of each file, to be hashed.
    fn parts(content: &Self::Content) -> Vec<&[u8]>;

    /// Parses the content.
    fn parse(&self, content: Self::Content) -> Result<Self::Value, Self::Error>;

    /// Logs a change that was loaded; `value` is in use.
    fn log_loaded(&self, value: &Self::Value);

    /// Logs a change that was rejected. Returns the line for [`ReloadOutcome::Rejected`].
    fn log_rejected(&self, error: &Self::Error) -> String;

    /// The value without what has expired by time. `None` if nothing has. Called, and to be logged, at each poll.
    fn without_expired(&self, _value: &Self::Value) -> Option<Self::Value> {
        None
    }
}

/// The result of the last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// 0 at start; incremented by each change, loaded or rejected.
    pub generation: u64,
    /// How the change ended.
    pub outcome: ReloadOutcome,
}

/// How a change ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// The value is that of the current content.
    Loaded,
    /// The previous value stays; the reason in one line.
    Rejected(String),
    /// A part of the value expired by time and was dropped.
    Expired,
}

/// Files, and the value of their last valid content.
pub struct WatchedFile<S: FileSource> {
    source: S,
    current: ArcSwap<S::Value>,
    version: AtomicU64,
    reloads: watch::Sender<Reload>,
    poll_state: Mutex<PollState>,
    /// Where polls run; without one, on the runtime's pool of blocking threads.
    thread: Option<BackgroundThread>,
}

/// SHA-256 of the content, or the error of reading it.
type ContentHash = Result<[u8; 32], String>;

/// What polls remember.
struct PollState {
    change_detector: ChangeDetector,
    debounce: Debounce<ContentHash>,
    /// What the value was parsed from. Differs from the last stable content while that is invalid.
    loaded: Option<ContentHash>,
}

impl<S: FileSource> WatchedFile<S> {
    /// Loads the files for the first time. Blocks.
    pub fn load(source: S) -> Result<Arc<Self>, S::Error> {
        let (loaded, value) = load(&source)?;
        Ok(Arc::new(Self::new(source, value, Some(loaded), None)))
    }

    /// Loads the files for the first time on `thread`, where they are also polled, parsed and dropped later.
    pub async fn load_on(thread: BackgroundThread, source: S) -> Result<Arc<Self>, S::Error> {
        let loading = thread.run(move || load(&source).map(|(loaded, value)| (source, loaded, value)));
        let (source, loaded, value) = loading.await?;
        Ok(Arc::new(Self::new(source, value, Some(loaded), Some(thread))))
    }

    /// Starts with a value that is not of the files. The first poll loads them.
    pub fn starting_with(value: S::Value, source: S) -> Arc<Self> {
        Arc::new(Self::new(source, value, None, None))
    }

    fn new(
        source: S,
        value: S::Value,
        loaded: Option<ContentHash>,
        thread: Option<BackgroundThread>,
    ) -> Self {
        let (reloads, _) = watch::channel(Reload { generation: 0, outcome: ReloadOutcome::Loaded });
        let debounce = Debounce::new(loaded.clone());
        let poll_state = PollState { change_detector: ChangeDetector::default(), debounce, loaded };
        Self {
            source,
            current: ArcSwap::from_pointee(value),
            version: AtomicU64::new(0),
            reloads,
            poll_state: Mutex::new(poll_state),
            thread,
        }
    }

    /// What the files hold.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The value of the last valid content.
    pub fn current(&self) -> Guard<Arc<S::Value>> {
        self.current.load()
    }

    /// How often the value was replaced.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Notifies of every change, loaded or rejected, after [`current`](Self::current) reflects it.
    pub fn reloads(&self) -> watch::Receiver<Reload> {
        self.reloads.subscribe()
    }

    /// Polls the files every `period` and applies stable changes. Never returns; run it once, as a task.
    pub async fn follow(self: &Arc<Self>, period: Duration) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let watched = Arc::clone(self);
            let poll = move || watched.poll();
            match &self.thread {
                Some(thread) => thread.run(poll).await,
                None => background_thread::run_on_pool(poll).await,
            }
        }
    }

    fn poll(&self) {
        let mut state = self.poll_state.lock().unwrap_or_else(PoisonError::into_inner);
        let PollState { change_detector, debounce, loaded } = &mut *state;
        let began = Instant::now();
        if change_detector.must_read(&Stamps::of(&self.source.paths()), began) {
            let read = self.source.read();
            let seen = read.as_ref().map(|content| hash(&S::parts(content))).map_err(ToString::to_string);
            let is_change = debounce.observe(seen.clone());
            change_detector.has_read(began, &Stamps::of(&self.source.paths()), debounce.is_stable());
            if is_change {
                // The content that is in use needs no new value.
                let result = if loaded.as_ref() == Some(&seen) {
                    Ok(())
                } else {
                    read.and_then(|content| self.source.parse(content)).map(|value| self.replace(value))
                };
                if result.is_ok() {
                    *loaded = Some(seen);
                }
                self.report(result);
            }
        }
        let unexpired = self.source.without_expired(&self.current.load());
        if let Some(value) = unexpired {
            self.replace(value);
            self.announce(ReloadOutcome::Expired);
        }
    }

    fn replace(&self, value: S::Value) {
        self.current.store(Arc::new(value));
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    fn report(&self, result: Result<(), S::Error>) {
        match result {
            Ok(()) => {
                self.source.log_loaded(&self.current.load());
                self.announce(ReloadOutcome::Loaded);
            }
            Err(error) => self.announce(ReloadOutcome::Rejected(self.source.log_rejected(&error))),
        }
    }

    fn announce(&self, outcome: ReloadOutcome) {
        self.reloads.send_modify(|reload| {
            *reload = Reload { generation: reload.generation + 1, outcome };
        });
    }
}

fn load<S: FileSource>(source: &S) -> Result<(ContentHash, S::Value), S::Error> {
    let content = source.read()?;
    let loaded = Ok(hash(&S::parts(&content)));
    Ok((loaded, source.parse(content)?))
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for content in parts {
        context.update(&content.len().to_be_bytes());
        context.update(content);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
