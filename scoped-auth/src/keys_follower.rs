//! Reloads the key file: holds the key ring of the requests, and replaces it when the file changes. A change is loaded
//! completely or not at all; a bad file is logged and the previous keys stay.
//!
//! The file is polled, for the reasons in `orchestrator/src/accounts/accounts_file.rs`. A change is loaded at the second read that
//! shows it: some editors write in place, and a partial file may even parse.

use std::{path::PathBuf, sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Guard};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
use service_runtime::{
    Clock, Metrics, operator_file::warn_if_exposed, random::Random, watched_file::Debounce,
};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use zeroize::Zeroizing;

use token::{
    key_file::{KeyFile, KeyFileError, Status},
    key_ring::KeyRing,
    sha256,
};

/// How often the file is read. [`token::key_file::KNOWN_AFTER`] must be several times as long.
pub const PERIOD: Duration = Duration::from_secs(1);

/// The key file, and the ring of its last valid content.
pub struct KeysFollower {
    path: PathBuf,
    clock: Clock,
    random: Random,
    ring: ArcSwap<KeyRing>,
    loaded: ContentHash,
    reloads: watch::Sender<Reload>,
    gauges: Gauges,
}

/// The last change of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// 0 at the start, one more for each change since, loaded or rejected.
    pub generation: u64,
    /// Its outcome.
    pub outcome: ReloadOutcome,
}

/// The outcome of a change of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// The keys of the file are in use.
    Loaded,
    /// The previous keys stay; the reason in one line.
    Rejected(String),
    /// A retired key expired and was dropped.
    KeyExpired,
}

/// The result of reading the file: its SHA-256, so that no copy of the keys stays in memory, or the I/O error.
type ContentHash = Result<[u8; 32], String>;

impl KeysFollower {
    /// Loads the file for the first time.
    ///
    /// # Errors
    ///
    /// Those of [`KeyFile::load`] and [`KeyRing::new`].
    pub fn load(path: PathBuf, clock: Clock, random: Random) -> Result<Self, KeyFileError> {
        let json = Zeroizing::new(std::fs::read(&path).map_err(KeyFileError::Read)?);
        let ring = KeyRing::new(KeyFile::parse(&json)?, random.source())?;
        let ring = ring.without_expired_keys(clock.now()).unwrap_or(ring);
        warn_if_exposed(&path);
        let gauges = Gauges::default();
        gauges.update(&ring);
        let (reloads, _) = watch::channel(Reload { generation: 0, outcome: ReloadOutcome::Loaded });
        let loaded = Ok(sha256(&json));
        Ok(Self { path, clock, random, ring: ArcSwap::from_pointee(ring), loaded, reloads, gauges })
    }

    /// Registers the metrics of the keys with `metrics`.
    pub fn register(&self, metrics: &Metrics) {
        metrics.register(
            "key_made_timestamp_seconds",
            "When each key was made, in seconds since 1970; 0 where the key file does not say",
            self.gauges.made.clone(),
        );
        // Starts at 0: an alert on `increase` misses the first event of a series that begins with it.
        for outcome in ["loaded", "refused"] {
            drop(self.gauges.reloads.get_or_create(&Reloads { outcome }));
        }
        metrics.register(
            "key_file_reloads",
            "Changes of the key file, by outcome",
            self.gauges.reloads.clone(),
        );
    }

    /// The current ring. A request loads it once.
    pub fn ring(&self) -> Guard<Arc<KeyRing>> {
        self.ring.load()
    }

    /// Notifies of every change, after [`ring`](Self::ring) reflects it.
    pub fn reloads(&self) -> watch::Receiver<Reload> {
        self.reloads.subscribe()
    }

    /// Reads the file every `period`, loads a stable change, and drops expired keys. Runs forever; run it once, as a task.
    pub async fn follow(&self, period: Duration) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The loaded content differs from the last stable one while the file is bad.
        let (mut changes, mut loaded) = (Debounce::new(self.loaded.clone()), self.loaded.clone());
        loop {
            ticks.tick().await;
            let content = tokio::fs::read(&self.path).await.map(Zeroizing::new);
            let seen = content.as_ref().map(|json| sha256(json)).map_err(|error| error.to_string());
            if changes.observe(seen.clone()) {
                // A file that is again as loaded needs no new ring.
                let result = if seen == loaded { Ok(()) } else { self.load_ring(content) };
                if result.is_ok() {
                    loaded = seen;
                }
                self.report(result);
            }
            self.drop_expired_keys();
        }
    }

    fn load_ring(&self, content: std::io::Result<Zeroizing<Vec<u8>>>) -> Result<(), KeyFileError> {
        let file = KeyFile::parse(&content.map_err(KeyFileError::Read)?)?;
        let ring = KeyRing::new(file, self.random.source())?;
        // Before it is in use: an expired key must not open tokens even for a moment.
        let ring = ring.without_expired_keys(self.clock.now()).unwrap_or(ring);
        self.replace(ring);
        warn_if_exposed(&self.path);
        Ok(())
    }

    fn drop_expired_keys(&self) {
        if let Some(ring) = self.ring.load().without_expired_keys(self.clock.now()) {
            self.replace(ring);
            tracing::info!(file = %self.path.display(), "retired key expired");
            self.announce(ReloadOutcome::KeyExpired);
        }
    }

    fn replace(&self, ring: KeyRing) {
        self.gauges.update(&ring);
        self.ring.store(Arc::new(ring));
    }

    fn report(&self, result: Result<(), KeyFileError>) {
        let file = self.path.display();
        match result {
            Ok(()) => {
                let ring = self.ring.load();
                let active = ring.key_infos().iter().filter(|info| info.status == Status::Active);
                let active: Vec<_> = active.map(|info| info.kid.as_str()).collect();
                tracing::info!(%file, keys = ring.key_infos().len(), active = active.join(","), "key file reloaded");
                self.gauges.reloads.get_or_create(&Reloads { outcome: "loaded" }).inc();
                self.announce(ReloadOutcome::Loaded);
            }
            Err(error) => {
                tracing::error!(%file, reason = %error, "key file rejected, keeping the previous keys");
                self.gauges.reloads.get_or_create(&Reloads { outcome: "refused" }).inc();
                self.announce(ReloadOutcome::Rejected(format!("{file}: {error}")));
            }
        }
    }

    fn announce(&self, outcome: ReloadOutcome) {
        self.reloads.send_modify(|reload| {
            *reload = Reload { generation: reload.generation + 1, outcome };
        });
    }
}

/// The metrics of the keys.
#[derive(Default)]
struct Gauges {
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

impl Gauges {
    fn update(&self, ring: &KeyRing) {
        self.made.clear();
        for info in ring.key_infos() {
            let (kid, made_at) = (info.kid.clone(), info.made_at.map_or(0, |time| time.timestamp()));
            let key = Key { kid, r#use: info.usage.as_str(), status: info.status.as_str() };
            self.made.get_or_create(&key).set(made_at);
        }
    }
}
