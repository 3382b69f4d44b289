//! Reloads the key file: holds the key ring of the requests, and replaces it when the file changes. A change is loaded
//! completely or not at all; a bad file is logged and the previous keys stay.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use arc_swap::Guard;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
use service_runtime::{
    Clock, Metrics,
    operator_file::warn_if_exposed,
    random::Random,
    watched_file::{FileSource, Reload, WatchedFile},
};
use tokio::sync::watch;
use zeroize::Zeroizing;

use token::{
    key_file::{KeyFile, KeyFileError, Status},
    key_ring::KeyRing,
};

/// How often the file is read. [`token::key_file::KNOWN_AFTER`] must be several times as long.
pub const PERIOD: Duration = Duration::from_secs(1);

/// The key file, and the ring of its last valid content.
pub struct KeysFollower(Arc<WatchedFile<KeysSource>>);

struct KeysSource {
    path: PathBuf,
    clock: Clock,
    random: Random,
    metrics: KeyMetrics,
}

impl KeysFollower {
    /// Loads the file for the first time.
    ///
    /// # Errors
    ///
    /// Those of [`KeyFile::load`] and [`KeyRing::new`].
    pub fn load(path: PathBuf, clock: Clock, random: Random) -> Result<Self, KeyFileError> {
        let source = KeysSource { path, clock, random, metrics: KeyMetrics::default() };
        Ok(Self(WatchedFile::load(source)?))
    }

    /// Registers the metrics of the keys with `metrics`.
    pub fn register(&self, metrics: &Metrics) {
        let own = &self.0.source().metrics;
        metrics.register(
            "key_made_timestamp_seconds",
            "When each key was made, in seconds since 1970; 0 where the key file does not say",
            own.made.clone(),
        );
        // Starts at 0: an alert on `increase` misses the first event of a series that begins with it.
        for outcome in ["loaded", "refused"] {
            drop(own.reloads.get_or_create(&Reloads { outcome }));
        }
        metrics.register("key_file_reloads", "Changes of the key file, by outcome", own.reloads.clone());
    }

    /// The current ring. A request loads it once.
    pub fn ring(&self) -> Guard<Arc<KeyRing>> {
        self.0.current()
    }

    /// Notifies of every change, after [`ring`](Self::ring) reflects it.
    pub fn reloads(&self) -> watch::Receiver<Reload> {
        self.0.reloads()
    }

    /// Polls the file every `period`, loads a stable change, and drops expired keys. Never returns; run it once, as a task.
    pub async fn follow(&self, period: Duration) {
        self.0.follow(period).await;
    }
}

impl FileSource for KeysSource {
    type Content = Zeroizing<Vec<u8>>;
    type Value = KeyRing;
    type Error = KeyFileError;

    fn paths(&self) -> Vec<&Path> {
        vec![&self.path]
    }

    fn read(&self) -> Result<Self::Content, KeyFileError> {
        std::fs::read(&self.path).map(Zeroizing::new).map_err(KeyFileError::Read)
    }

    fn parts(content: &Self::Content) -> Vec<&[u8]> {
        vec![content]
    }

    fn parse(&self, content: Self::Content) -> Result<KeyRing, KeyFileError> {
        let ring = KeyRing::new(KeyFile::parse(&content)?, self.random.source())?;
        // Before it is in use: an expired key must not open tokens even for a moment.
        let ring = ring.without_expired_keys(self.clock.now()).unwrap_or(ring);
        self.metrics.update(&ring);
        warn_if_exposed(&self.path);
        Ok(ring)
    }

    fn log_loaded(&self, ring: &KeyRing) {
        let active = ring.key_infos().iter().filter(|info| info.status == Status::Active);
        let active: Vec<_> = active.map(|info| info.kid.as_str()).collect();
        let (file, keys) = (self.path.display(), ring.key_infos().len());
        tracing::info!(%file, keys, active = active.join(","), "key file reloaded");
        self.metrics.reloads.get_or_create(&Reloads { outcome: "loaded" }).inc();
    }

    fn log_rejected(&self, error: &KeyFileError) -> String {
        let file = self.path.display();
        tracing::error!(%file, reason = %error, "key file rejected, keeping the previous keys");
        self.metrics.reloads.get_or_create(&Reloads { outcome: "refused" }).inc();
        format!("{file}: {error}")
    }

    fn without_expired(&self, ring: &KeyRing) -> Option<KeyRing> {
        let ring = ring.without_expired_keys(self.clock.now())?;
        self.metrics.update(&ring);
        tracing::info!(file = %self.path.display(), "retired key expired");
        Some(ring)
    }
}

/// The metrics of the keys.
#[derive(Default)]
struct KeyMetrics {
    made: Family<Key, Gauge>,
    reloads: Family<Reloads, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Key {
    kid: String,
    r#use: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reloads {
    outcome: &'static str,
}

impl KeyMetrics {
    fn update(&self, ring: &KeyRing) {
        self.made.clear();
        for info in ring.key_infos() {
            let (kid, made_at) = (info.kid.clone(), info.made_at.map_or(0, |time| time.timestamp()));
            let key = Key { kid, r#use: info.usage.as_str(), status: info.status.as_str() };
            self.made.get_or_create(&key).set(made_at);
        }
    }
}
