//! The life of sessions: one successor per generation, and revocation. What all replicas must agree on is in the store;
//! what judging a token needs is in memory and follows the store.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use service_runtime::api_error::error_chain;
use shared_types::{AccountSid, DeploymentKey, Identity, scoped_auth::generate::EarlierSession};
use tokio::sync::Notify;

use crate::{
    claims::{CLOCK_SKEW, Claims, began_at, delta},
    error::Error,
    judgement::Binding,
    revocations::{Revocation, RevocationTarget, RevokedSet},
    shown::ShownTokens,
    store::{Advance, AdvanceOutcome, CurrentToken, Store, StoreError},
    succession::{Succession, decide},
};

/// How many revocations are read at once.
const BATCH: u32 = 2_000;

/// How often a refresh is decided anew because another call changed the session meanwhile.
const ATTEMPTS: usize = 8;

/// How long sessions live and how their tokens follow each other.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How long a session lives, from its `auth_time`.
    pub session_max: Duration,
    /// How long after its successor was made a token still has the same successor: its answer was lost, or another tab
    /// refreshed at the same time.
    pub grace: Duration,
    /// How long after its `exp` a token may be refreshed by its own browser or key.
    pub resume_window: Duration,
    /// How old the knowledge of revocations may be; beyond it every token is rejected.
    pub staleness: Duration,
    /// How long revocations are kept, so that the identity of a revoked session is not granted again.
    pub revocation_retention: Duration,
}

/// The outcome of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// The session advanced to a new token.
    Advanced {
        /// The new token.
        token: CurrentToken,
        /// Whether the store knew an older generation only: an older copy of it was restored.
        restored: bool,
    },
    /// The current token once more.
    Repeated {
        /// The current token.
        token: CurrentToken,
        /// How often it was handed out again, this time included.
        repeats: u64,
    },
    /// A new token of the current generation, whose answer was lost.
    Reissued(CurrentToken),
    /// The session's current token expired too long ago.
    Expired,
    /// A token was presented again whose successor is in use: the session is revoked.
    Reused,
}

/// Why an identity is not granted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityRefusal {
    /// The session, its identity, deployment or account was revoked.
    Revoked,
    /// The session began longer ago than revocations are kept.
    TooOld,
}

/// The sessions as one replica sees them. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Sessions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    rules: Rules,
    revoked: RevokedSet,
    shown: ShownTokens,
    last_id: AtomicI64,
    opened: Instant,
    /// Milliseconds from `opened` on: an age is not to jump when somebody sets the clock.
    followed_at: AtomicU64,
}

impl Sessions {
    /// The sessions in `store`, with the revocations in force at `now`.
    pub async fn open(store: Store, rules: Rules, now: DateTime<Utc>) -> Result<Self, StoreError> {
        // A replica whose clock is behind needs some more.
        let since = now - delta(CLOCK_SKEW);
        let (first, count) = (store.first_revocation(since).await?, store.count_revocations(since).await?);
        let sessions = Self(Arc::new(Inner {
            store,
            rules,
            revoked: RevokedSet::default(),
            shown: ShownTokens::new(),
            last_id: AtomicI64::new(first),
            opened: Instant::now(),
            followed_at: AtomicU64::new(0),
        }));
        sessions.0.revoked.reserve(count);
        sessions.follow_once().await?;
        Ok(sessions)
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// Whether the token with these claims has been revoked, as far as this replica knows. Asks nobody.
    pub fn are_revoked(&self, claims: &Claims) -> bool {
        self.0.revoked.is_revoked(claims)
    }

    /// How long ago this replica last knew all revocations.
    pub fn age(&self) -> Duration {
        let followed_at = Duration::from_millis(self.0.followed_at.load(Ordering::Relaxed));
        self.0.opened.elapsed().saturating_sub(followed_at)
    }

    /// Fails closed: rejects every token while the revocation list is stale.
    pub fn ensure_fresh(&self) -> Result<(), Error> {
        if self.age() <= self.0.rules.staleness { Ok(()) } else { Err(Error::CannotVouch) }
    }

    /// Refreshes a session from a token with these claims, which has been judged good: the table of the contract,
    /// section 7. `binding` and `expires_at` are those of a new token, should there be one.
    pub async fn refresh(
        &self,
        claims: &Claims,
        binding: Binding,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<RefreshOutcome, StoreError> {
        let Inner { store, rules, .. } = &*self.0;
        // The presented token may have expired long ago where the current one has not.
        if self.is_over(claims.exp, now)
            && store.current(claims.sid).await?.is_none_or(|current| self.is_over(current.expires_at, now))
        {
            return Ok(RefreshOutcome::Expired);
        }
        let mut next = Advance {
            session: claims.sid,
            generation: claims.generation,
            now,
            expires_at,
            ends_at: claims
                .auth_time
                .checked_add_signed(delta(rules.session_max))
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
            fingerprint: binding.fingerprint,
            first_fingerprint: binding.first_fingerprint,
        };
        for _ in 0..ATTEMPTS {
            let current = match store.advance(next.clone()).await? {
                AdvanceOutcome::Advanced { replaced } => {
                    let restored = replaced != next.generation;
                    return Ok(RefreshOutcome::Advanced { token: next.next(), restored });
                }
                AdvanceOutcome::Current(current) => current,
            };
            match decide(claims.generation, claims.cnf.is_some(), &current, now, rules) {
                Succession::Advance { from } => next.generation = from,
                Succession::Repeat => {
                    if let Some(repeats) = store.repeat(claims.sid, &current).await? {
                        return Ok(RefreshOutcome::Repeated { token: current, repeats });
                    }
                }
                Succession::Reissue => {
                    // What this replica saw since it last wrote counts too: the next look at the store finds it.
                    self.flush_shown().await?;
                    let anew = CurrentToken { generation: current.generation, ..next.next() };
                    if store.reissue(claims.sid, &current, &anew).await? {
                        return Ok(RefreshOutcome::Reissued(anew));
                    }
                }
                Succession::Expired => return Ok(RefreshOutcome::Expired),
                Succession::Reuse => {
                    self.revoke(RevocationTarget::Session(claims.sid), now).await?;
                    return Ok(RefreshOutcome::Reused);
                }
            }
        }
        Err(StoreError::Contended)
    }

    /// Notes that a token with these claims was presented and is good.
    pub fn note_shown(&self, claims: &Claims) {
        self.0.shown.note(claims.sid, claims.generation);
    }

    /// Writes down which tokens were presented.
    pub async fn flush_shown(&self) -> Result<(), StoreError> {
        self.0.shown.flush(&self.0.store).await
    }

    /// Whether the identity of an earlier session may be had again, as the store knows it: revocations stay there long
    /// after the last token that they were for.
    pub async fn check_identity(
        &self,
        account: AccountSid,
        deployment: Option<DeploymentKey>,
        identity: Identity,
        earlier: EarlierSession,
        now: DateTime<Utc>,
    ) -> Result<Result<(), IdentityRefusal>, StoreError> {
        if now.signed_duration_since(earlier.auth_time) > delta(self.0.rules.revocation_retention) {
            return Ok(Err(IdentityRefusal::TooOld));
        }
        let mut subjects = vec![
            RevocationTarget::Session(earlier.sid),
            RevocationTarget::Identity(account, identity),
            RevocationTarget::Account(account),
        ];
        subjects.extend(deployment.map(RevocationTarget::Deployment));
        let began_at = began_at(earlier.sid, earlier.auth_time);
        let is_revoked = self.0.store.is_revoked(&subjects, began_at).await?;
        Ok(if is_revoked { Err(IdentityRefusal::Revoked) } else { Ok(()) })
    }

    /// Whether a token that expired at `expires_at` is beyond the resume window.
    fn is_over(&self, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        now.signed_duration_since(expires_at) >= delta(self.0.rules.resume_window)
    }

    /// Ends the sessions of `subject` that began up to now. When this returns, this replica refuses them, no crash
    /// loses it, and the other replicas learn of it with their next look.
    pub async fn revoke(&self, subject: RevocationTarget, now: DateTime<Utc>) -> Result<(), StoreError> {
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

    /// Follows the store until it is dropped: at once where the store notifies, and every `period` in any case. Writes
    /// shown tokens to it.
    pub async fn follow(&self, period: Duration) {
        let heard = Notify::new();
        tokio::join!(
            self.0.store.listen(&heard),
            self.follow_when(&heard, period),
            self.0.shown.run_flush_loop(&self.0.store),
        );
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
                    tracing::error!(cause = error_chain(&error), "the store of revocations does not answer");
                    answers = false;
                }
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// Deletes some of what is no longer needed at `now`; returns the number of rows in the store.
    pub async fn purge(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let Rules { session_max, revocation_retention, .. } = self.0.rules;
        self.0.revoked.forget(now);
        // A revocation's row has its tokens' end: `session_max` and the clocks' skew after the revocation. The skew stays: a
        // replica whose clock is behind still grants the identity of a session as old as the revocation.
        let kept_longer = revocation_retention.saturating_sub(session_max);
        self.0.store.purge(now, now - delta(kept_longer)).await
    }

    /// Writes what is pending and closes the store.
    pub async fn close(&self) {
        if let Err(error) = self.flush_shown().await {
            tracing::warn!(cause = error_chain(&error), "shown tokens not written");
        }
        self.0.store.close().await;
    }
}
