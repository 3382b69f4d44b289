//! A key file that changes under a running follower: valid changes are loaded, invalid ones are reported and ignored,
//! and an unchanged file keeps the ring.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::TimeDelta;
use scoped_auth::keys_follower::KeysFollower;
use service_runtime::{
    Clock, Metrics,
    random::Random,
    watched_file::{Reload, ReloadOutcome},
};
use tempfile::TempDir;
use token::{key_file::KeyFile, key_ring::KeyRing};
use tokio::{sync::watch, task::JoinHandle};

/// enc-1 active, enc-2 next, enc-3 retired; sig-1 active, sig-2 next.
const KEYS: &str = include_str!("../vectors/keys.json");

struct FollowedKeys {
    keys: Arc<KeysFollower>,
    clock: Clock,
    metrics: Metrics,
    reloads: watch::Receiver<Reload>,
    follower: JoinHandle<()>,
    path: PathBuf,
    _folder: TempDir,
}

impl Drop for FollowedKeys {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

impl FollowedKeys {
    fn start(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        fs::write(&path, text).unwrap();
        let (clock, metrics) = (Clock::adjustable(), Metrics::default());
        let keys = KeysFollower::load(path.clone(), clock.clone(), Random::default()).unwrap();
        keys.register(&metrics);
        let reloads = keys.reloads();
        let keys = Arc::new(keys);
        let followed = Arc::clone(&keys);
        let follower = tokio::spawn(async move { followed.follow(Duration::from_millis(5)).await });
        Self { keys, clock, metrics, reloads, follower, path, _folder: folder }
    }

    /// Replaces the key file, and waits for the outcome of the reload.
    async fn becomes(&mut self, text: &str) -> ReloadOutcome {
        replace(&self.path, text);
        self.next().await
    }

    async fn next(&mut self) -> ReloadOutcome {
        let changed = tokio::time::timeout(Duration::from_secs(20), self.reloads.changed());
        changed.await.unwrap().unwrap();
        self.reloads.borrow_and_update().outcome.clone()
    }

    fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.keys.ring())
    }

    fn kids(&self) -> Vec<String> {
        self.ring().key_infos().iter().map(|about| about.kid.clone()).collect()
    }
}

fn replace(path: &Path, text: &str) {
    let other = path.with_extension("new");
    fs::write(&other, text).unwrap();
    fs::rename(&other, path).unwrap();
}

fn without_enc_2() -> String {
    let mut set: serde_json::Value = serde_json::from_str(KEYS).unwrap();
    set["keys"].as_array_mut().unwrap().remove(1);
    set.to_string()
}

#[tokio::test]
async fn a_valid_key_file_change_is_loaded() {
    let mut followed = FollowedKeys::start(KEYS);
    assert_eq!(followed.kids(), ["enc-1", "enc-2", "enc-3", "sig-1", "sig-2"]);
    assert_eq!(followed.becomes(&without_enc_2()).await, ReloadOutcome::Loaded);
    assert_eq!(followed.kids(), ["enc-1", "enc-3", "sig-1", "sig-2"]);
    assert_eq!(followed.reloads.borrow().generation, 1);
}

#[tokio::test]
async fn an_invalid_key_file_is_reported_without_secrets_and_ignored() {
    let mut followed = FollowedKeys::start(KEYS);
    let before = followed.ring();
    let path = followed.path.display().to_string();
    let no_pair = KEYS.replace("AERE", "AERF");
    for (broken, reason) in [
        (&KEYS[..500], "not JSON"),
        ("", "not JSON"),
        (&*KEYS.replace("\"active\"", "\"retired\""), "not exactly one key of use `enc` is active"),
        (&*no_pair, "key 4 of the key file: its `d`"),
    ] {
        let ReloadOutcome::Rejected(said) = followed.becomes(broken).await else { panic!("{reason}") };
        assert!(said.starts_with(&path) && said.contains(reason), "{said}");
        assert!(!said.contains("AAEC") && !said.contains('\n'));
        assert!(Arc::ptr_eq(&followed.ring(), &before));
    }
    fs::remove_file(&followed.path).unwrap();
    let ReloadOutcome::Rejected(said) = followed.next().await else { panic!() };
    assert!(said.contains("cannot be read"), "{said}");
    assert!(Arc::ptr_eq(&followed.ring(), &before));
    let metrics = followed.metrics.openmetrics();
    assert!(metrics.contains("key_file_reloads_total{outcome=\"refused\"} 5\n"), "{metrics}");
}

#[tokio::test]
async fn an_unchanged_file_keeps_the_key_ring() {
    let mut followed = FollowedKeys::start(KEYS);
    let before = followed.ring();
    assert!(matches!(followed.becomes("{").await, ReloadOutcome::Rejected(_)));
    assert_eq!(followed.becomes(KEYS).await, ReloadOutcome::Loaded, "it is said to be good again");
    assert!(Arc::ptr_eq(&followed.ring(), &before));
    assert_eq!(followed.becomes(&format!("{KEYS} ")).await, ReloadOutcome::Loaded);
    assert!(!Arc::ptr_eq(&followed.ring(), &before));
}

#[tokio::test]
async fn a_retired_key_expires_even_while_the_file_is_invalid() {
    let clock = Clock::adjustable();
    let until = (clock.now() + TimeDelta::hours(1)).timestamp();
    let retired = format!("\"retired\", \"opens_until\": {until}");
    let mut followed = FollowedKeys::start(&KEYS.replace("\"retired\"", &retired));
    assert!(matches!(followed.becomes("{").await, ReloadOutcome::Rejected(_)));
    followed.clock.advance(TimeDelta::minutes(59));
    assert_eq!(followed.kids().len(), 5);
    followed.clock.advance(TimeDelta::minutes(2));
    assert_eq!(followed.next().await, ReloadOutcome::Expired);
    assert_eq!(followed.kids(), ["enc-1", "enc-2", "sig-1", "sig-2"]);
}

#[tokio::test]
async fn expired_keys_are_not_loaded() {
    let over = KEYS.replace("\"retired\"", "\"retired\", \"opens_until\": 1000000000");
    let mut followed = FollowedKeys::start(&over);
    assert_eq!(followed.kids(), ["enc-1", "enc-2", "sig-1", "sig-2"]);
    assert_eq!(followed.becomes(&format!("{over} ")).await, ReloadOutcome::Loaded);
    assert_eq!(followed.kids(), ["enc-1", "enc-2", "sig-1", "sig-2"]);
    assert_eq!(followed.reloads.borrow().generation, 1);
}

#[tokio::test]
async fn metrics_report_the_current_keys() {
    let made = KEYS.replacen("\"kty\"", "\"made_at\": 1795176000, \"kty\"", 1);
    let mut followed = FollowedKeys::start(&made);
    let line = |kid: &str, usage: &str, status: &str, made: i64| {
        format!("key_made_timestamp_seconds{{kid=\"{kid}\",use=\"{usage}\",status=\"{status}\"}} {made}\n")
    };
    let before = followed.metrics.openmetrics();
    assert!(before.contains(&line("enc-1", "enc", "active", 1_795_176_000)), "{before}");
    assert!(before.contains(&line("sig-2", "sig", "next", 0)), "{before}");
    let moved = made.replace("\"active\"", "\"retired\"").replace("\"next\"", "\"active\"");
    assert_eq!(followed.becomes(&moved).await, ReloadOutcome::Loaded);
    let after = followed.metrics.openmetrics();
    assert!(after.contains(&line("enc-1", "enc", "retired", 1_795_176_000)), "{after}");
    assert!(
        !after.contains("status=\"next\"") && after.contains("key_file_reloads_total{outcome=\"loaded\"} 1")
    );
}

#[test]
fn starting_requires_valid_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    assert!(KeysFollower::load(path.clone(), Clock::system(), Random::default()).is_err());
    fs::write(&path, "{}").unwrap();
    assert!(KeyFile::load(&path).is_err());
    assert!(KeysFollower::load(path, Clock::system(), Random::default()).is_err());
}
