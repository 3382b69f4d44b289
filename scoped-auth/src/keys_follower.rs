//! The key file as it changes: the key ring that requests take, and the follower that puts another in its place. A
//! change is taken whole; a file that cannot be taken is reported and the keys stay as they were.
//!
//! The file is read again at an interval, for the reasons that `orchestrator/src/accounts_file.rs` gives. A change
//! counts at the second read that shows it: some editors write in place, and half of a file may even parse.

use std::{path::PathBuf, sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Guard};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
use service_runtime::{Clock, Metrics, random::Random};
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

/// How often the file is read. [`token::key_file::KNOWN_AFTER`] is to be several times as long.
pub const PERIOD: Duration = Duration::from_secs(1);

/// The key file and the ring of its last good content.
pub struct KeysFollower {
    path: PathBuf,
    clock: Clock,
    random: Random,
    ring: ArcSwap<KeyRing>,
    loaded: ContentHash,
    reloads: watch::Sender<Reload>,
    gauges: Gauges,
}

/// What became of the keys' last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reload {
    /// 0 for what the service started with, one more for each change since, good or bad.
    pub generation: u64,
    /// What it was.
    pub outcome: ReloadOutcome,
}

/// What a change of the keys was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// The keys are the file's.
    Loaded,
    /// The keys are those of before; why, in one line.
    Rejected(String),
    /// A retired key's time is over: it opens no more.
    KeyExpired,
}

/// What a read of the file gave: the SHA-256 of it, since a copy of the keys is better not kept, or what the operating
/// system said.
type ContentHash = Result<[u8; 32], String>;

impl KeysFollower {
    /// Reads the file for the first time; without a good one there is nothing to serve.
    ///
    /// # Errors
    ///
    /// Those of [`KeyFile::load`] and [`KeyRing::new`].
    pub fn load(path: PathBuf, clock: Clock, random: Random) -> Result<Self, KeyFileError> {
        let json = Zeroizing::new(std::fs::read(&path).map_err(KeyFileError::Read)?);
        let ring = KeyRing::new(KeyFile::parse(&json)?, random.source())?;
        let ring = ring.without_expired_keys(clock.now()).unwrap_or(ring);
        let gauges = Gauges::default();
        gauges.show(&ring);
        let (reloads, _) = watch::channel(Reload { generation: 0, outcome: ReloadOutcome::Loaded });
        let loaded = Ok(sha256(&json));
        Ok(Self { path, clock, random, ring: ArcSwap::from_pointee(ring), loaded, reloads, gauges })
    }

    /// Lets what is told of the keys join `metrics`.
    pub fn register(&self, metrics: &Metrics) {
        metrics.register(
            "key_made_timestamp_seconds",
            "When each key was made, in seconds since 1970; 0 where the key file does not say",
            self.gauges.made.clone(),
        );
        // From 0 on: an alert on an increase would miss the first one of a series that begins with it.
        for outcome in ["loaded", "refused"] {
            drop(self.gauges.reloads.get_or_create(&Reloads { outcome }));
        }
        metrics.register(
            "key_file_reloads",
            "Changes of the key file, by what became of them",
            self.gauges.reloads.clone(),
        );
    }

    /// The ring as it is now. A request takes it once.
    pub fn ring(&self) -> Guard<Arc<KeyRing>> {
        self.ring.load()
    }

    /// Tells of every change once [`ring`](Self::ring) reflects what became of it.
    pub fn reloads(&self) -> watch::Receiver<Reload> {
        self.reloads.subscribe()
    }

    /// Reads the file again every `period`, takes a change that has come to rest, and drops retired keys whose time is
    /// over. Never ends; to be run once, as a task of its own.
    pub async fn follow(&self, period: Duration) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What was seen last at rest, and what the keys are of; they differ while the file is a broken one.
        let (mut known, mut loaded) = (self.loaded.clone(), self.loaded.clone());
        let mut changing = None;
        loop {
            ticks.tick().await;
            let content = tokio::fs::read(&self.path).await.map(Zeroizing::new);
            let seen = content.as_ref().map(|json| sha256(json)).map_err(|error| error.to_string());
            if seen == known {
                changing = None;
            } else if changing.as_ref() != Some(&seen) {
                changing = Some(seen);
            } else {
                changing = None;
                known.clone_from(&seen);
                // A file that is again as it was loaded is no reason for another ring.
                let taken = if seen == loaded { Ok(()) } else { self.take(content) };
                if taken.is_ok() {
                    loaded = seen;
                }
                self.tell(taken);
            }
            self.drop_expired_keys();
        }
    }

    fn take(&self, content: std::io::Result<Zeroizing<Vec<u8>>>) -> Result<(), KeyFileError> {
        let file = KeyFile::parse(&content.map_err(KeyFileError::Read)?)?;
        let ring = KeyRing::new(file, self.random.source())?;
        // Before it is in use: a key whose time is over must not open for a moment.
        let ring = ring.without_expired_keys(self.clock.now()).unwrap_or(ring);
        self.put(ring);
        Ok(())
    }

    fn drop_expired_keys(&self) {
        if let Some(ring) = self.ring.load().without_expired_keys(self.clock.now()) {
            self.put(ring);
            tracing::info!(file = %self.path.display(), "a retired key's time is over");
            self.announce(ReloadOutcome::KeyExpired);
        }
    }

    fn put(&self, ring: KeyRing) {
        self.gauges.show(&ring);
        self.ring.store(Arc::new(ring));
    }

    fn tell(&self, taken: Result<(), KeyFileError>) {
        let file = self.path.display();
        match taken {
            Ok(()) => {
                let ring = self.ring.load();
                let active = ring.key_infos().iter().filter(|about| about.status == Status::Active);
                let active: Vec<_> = active.map(|about| about.kid.as_str()).collect();
                tracing::info!(%file, keys = ring.key_infos().len(), active = active.join(","), "the keys were reloaded");
                self.gauges.reloads.get_or_create(&Reloads { outcome: "loaded" }).inc();
                self.announce(ReloadOutcome::Loaded);
            }
            Err(error) => {
                tracing::error!(%file, reason = %error, "the keys stay as they were: the key file cannot be taken");
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

/// What the metrics tell of the keys.
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
    fn show(&self, ring: &KeyRing) {
        self.made.clear();
        for about in ring.key_infos() {
            let (kid, made_at) = (about.kid.clone(), about.made_at.map_or(0, |time| time.timestamp()));
            let key = Key { kid, r#use: about.usage.as_str(), status: about.status.as_str() };
            self.made.get_or_create(&key).set(made_at);
        }
    }
}
