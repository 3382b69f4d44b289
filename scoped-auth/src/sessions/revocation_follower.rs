//! This replica's copy of the revocation list. It reads the store incrementally, by revocation id: at an interval, and at
//! once where PostgreSQL notifies.

use std::{
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use service_runtime::api_error::error_chain;
use token::claims::{CLOCK_SKEW, time_delta};
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};

use crate::{
    revocations::RevokedSet,
    store::{Store, StoreError},
};

/// How many revocations one read returns at most.
const BATCH: u32 = 2_000;

/// The revoked set and how current it is.
#[derive(Debug)]
pub(super) struct RevocationFollower {
    revoked: RevokedSet,
    /// The id of the last revocation read.
    last_id: AtomicI64,
    opened: Instant,
    /// Start of the last complete read, in milliseconds from `opened`: monotonic, unlike the system clock.
    followed_at: AtomicU64,
}

impl RevocationFollower {
    /// Reads all revocations in force at `now`.
    pub(super) async fn open(store: &Store, now: DateTime<Utc>) -> Result<Self, StoreError> {
        // A replica whose clock is behind needs older ones too.
        let since = now - time_delta(CLOCK_SKEW);
        let (first, count) = (store.first_revocation(since).await?, store.count_revocations(since).await?);
        let follower = Self {
            revoked: RevokedSet::default(),
            last_id: AtomicI64::new(first),
            opened: Instant::now(),
            followed_at: AtomicU64::new(0),
        };
        follower.revoked.reserve(count);
        follower.follow_once(store).await?;
        Ok(follower)
    }

    pub(super) fn revoked(&self) -> &RevokedSet {
        &self.revoked
    }

    /// How long ago the last complete read started.
    pub(super) fn age(&self) -> Duration {
        let followed_at = Duration::from_millis(self.followed_at.load(Ordering::Relaxed));
        self.opened.elapsed().saturating_sub(followed_at)
    }

    /// Reads the revocations that were added since the last read.
    pub(super) async fn follow_once(&self, store: &Store) -> Result<(), StoreError> {
        // The age counts from the start of the read: it may miss what is written while it runs.
        let began = self.opened.elapsed();
        loop {
            let news = store.revocations(self.last_id.load(Ordering::Relaxed), BATCH).await?;
            let Some((last, _)) = news.last() else { break };
            self.last_id.store(*last, Ordering::Relaxed);
            self.revoked.add(news.into_iter().map(|(_, revocation)| revocation));
        }
        self.followed_at.store(u64::try_from(began.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(())
    }

    /// Reads every `period`, and whenever `notified`. Runs until it is dropped.
    pub(super) async fn follow(&self, store: &Store, notified: &Notify, period: Duration) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_available = true;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = notified.notified() => {}
            }
            match self.follow_once(store).await {
                Ok(()) if !is_available => {
                    tracing::info!("revocation store is available again");
                    is_available = true;
                }
                Err(error) if is_available => {
                    tracing::error!(cause = error_chain(&error), "revocation store is unavailable");
                    is_available = false;
                }
                Ok(()) | Err(_) => {}
            }
        }
    }
}
