//! The life of sessions: one successor per generation, and revocation. What all replicas must agree on stands in the
//! store; what judging a token needs stands in memory and follows the store.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use service_runtime::refusal::chain;
use shared_types::SessionId;
use tokio::sync::Notify;

use crate::{
    claims::{CLOCK_SKEW, Claims, delta},
    error::Error,
    revocations::{Revocation, RevokedSet, Subject},
    store::{Moved, Store, StoreError},
};

/// How many revocations are read at once.
const BATCH: u32 = 2_000;

/// How long sessions live and how their tokens follow each other.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How long a session lives, from its `auth_time`.
    pub session_max: Duration,
    /// How long after its successor was made a token may still be presented for one: the answer was lost, or a second
    /// tab was as quick.
    pub grace: Duration,
    /// How long after its `exp` a token may be refreshed by its own browser.
    pub resume_window: Duration,
    /// How old the knowledge of revocations may be for a token to be vouched for.
    pub staleness: Duration,
}

/// What became of a session that was to be continued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continued {
    /// The generation of its next token.
    With(u32),
    /// A token was presented that has long been replaced: the session has been revoked.
    Reused,
}

/// The sessions as one replica sees them. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Sessions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    rules: Rules,
    revoked: RevokedSet,
    last_id: AtomicI64,
    opened: Instant,
    /// Milliseconds from `opened` on: an age is not to jump when somebody sets the clock.
    followed_at: AtomicU64,
}

impl Sessions {
    /// The sessions in `store`, with the revocations that stand there.
    pub async fn open(store: Store, rules: Rules) -> Result<Self, StoreError> {
        let sessions = Self(Arc::new(Inner {
            store,
            rules,
            revoked: RevokedSet::default(),
            last_id: AtomicI64::new(0),
            opened: Instant::now(),
            followed_at: AtomicU64::new(0),
        }));
        sessions.0.revoked.reserve(sessions.0.store.count_revocations().await?);
        sessions.follow_once().await?;
        Ok(sessions)
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// Whether the token with these claims has been revoked, as far as this replica knows. Asks nobody.
    pub fn are_revoked(&self, claims: &Claims) -> bool {
        self.0.revoked.holds(claims)
    }

    /// How long ago this replica last knew all revocations.
    pub fn age(&self) -> Duration {
        let followed_at = Duration::from_millis(self.0.followed_at.load(Ordering::Relaxed));
        self.0.opened.elapsed().saturating_sub(followed_at)
    }

    /// Refuses to vouch for any token while this replica does not know enough of revocations.
    pub fn must_vouch(&self) -> Result<(), Error> {
        if self.age() <= self.0.rules.staleness { Ok(()) } else { Err(Error::CannotVouch) }
    }

    /// Continues a session from a token of `generation` (RFC 9700, section 4.14.2, for a token that is its own refresh
    /// credential). The first wish moves the session on. The same token again, within the grace, has the same
    /// successor: its answer was lost, or another tab was as quick. Any older one is in two hands, and nobody can say
    /// which are the guest's: the session ends.
    pub async fn advance(
        &self,
        session: SessionId,
        generation: u32,
        auth_time: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Continued, StoreError> {
        let ends_at =
            auth_time.checked_add_signed(delta(self.0.rules.session_max)).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let newest = match self.0.store.advance(session, generation, now, ends_at).await? {
            Moved::Forward => return Ok(Continued::With(generation.saturating_add(1))),
            Moved::Already(newest) => newest,
        };
        let is_previous = newest.generation == generation.saturating_add(1);
        // Another replica's clock may be ahead of this one's.
        if is_previous && now.signed_duration_since(newest.advanced_at) <= delta(self.0.rules.grace) {
            return Ok(Continued::With(newest.generation));
        }
        self.revoke(Subject::Session(session), now).await?;
        Ok(Continued::Reused)
    }

    /// Ends the sessions of `subject` that began up to now. When this returns, this replica refuses them, no crash
    /// loses it, and the other replicas learn of it with their next look.
    pub async fn revoke(&self, subject: Subject, now: DateTime<Utc>) -> Result<(), StoreError> {
        // A token of a replica whose clock is ahead may live that much longer.
        let forget_at = now + delta(self.0.rules.session_max) + delta(CLOCK_SKEW);
        self.0.store.revoke(subject, now, forget_at).await?;
        self.0.revoked.add([Revocation { subject, revoked_at: now, forget_at }]);
        Ok(())
    }

    /// Looks once for news in the store.
    pub async fn follow_once(&self) -> Result<(), StoreError> {
        // What is written while the look goes on may be missed by it.
        let began = self.0.opened.elapsed();
        loop {
            let news = self.0.store.revocations(self.0.last_id.load(Ordering::Relaxed), BATCH).await?;
            let Some((last, _)) = news.last() else { break };
            self.0.last_id.store(*last, Ordering::Relaxed);
            self.0.revoked.add(news.into_iter().map(|(_, revocation)| revocation));
        }
        self.0.followed_at.store(u64::try_from(began.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(())
    }

    /// Follows the store for ever: at once where the store tells of news, and every `period` in any case.
    pub async fn follow(&self, period: Duration) {
        let heard = Notify::new();
        tokio::join!(self.0.store.listen(&heard), self.follow_when(&heard, period));
    }

    async fn follow_when(&self, heard: &Notify, period: Duration) {
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut answers = true;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = heard.notified() => {}
            }
            match self.follow_once().await {
                Ok(()) if !answers => {
                    tracing::info!("the store of revocations answers again");
                    answers = true;
                }
                Err(error) if answers => {
                    tracing::error!(cause = chain(&error), "the store of revocations does not answer");
                    answers = false;
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// Removes some of what is of no more use at `now`; how many rows of the store that were.
    pub async fn purge(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.0.revoked.forget(now);
        self.0.store.purge(now).await
    }

    /// Closes the store.
    pub async fn close(&self) {
        self.0.store.close().await;
    }
}
