//! The life of sessions: one successor per generation, and revocation. The store holds what all replicas must agree on;
//! what judging a token needs is in memory and follows the store.

pub mod judgement;
mod revocation_follower;
mod rules;
mod shown;
mod succession;
pub(crate) mod token_life;

use std::{sync::Arc, time::Duration};

use ::store::DatabaseError;
use chrono::{DateTime, Utc};
use service_runtime::api_error::error_chain;
use shared_types::{AccountSid, DeploymentKey, Identity, scoped_auth::generate::EarlierSession};
use token::claims::{CLOCK_SKEW, Claims, began_at, time_delta};
use tokio::sync::Notify;

pub use self::rules::Rules;
use self::{
    judgement::Binding,
    revocation_follower::RevocationFollower,
    shown::ShownTokens,
    succession::{Succession, decide},
};
use crate::{
    error::Error,
    revocations::{Revocation, RevocationTarget},
    store::{Advance, AdvanceOutcome, CurrentToken, Store, StoreError},
};

/// How many times one refresh is retried when concurrent requests change the session.
const ATTEMPTS: usize = 8;

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
    /// The current token again.
    Repeated {
        /// The current token.
        token: CurrentToken,
        /// How many times it was returned again, including this one.
        repeats: u64,
    },
    /// A new token of the current generation: the response with the previous one was lost.
    Reissued(CurrentToken),
    /// The session's current token expired too long ago.
    Expired,
    /// The presented token was replaced and its successor is in use: the session is revoked.
    Reused,
}

/// Why the identity of an earlier session is not granted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityRefusal {
    /// The session, its identity, deployment or account was revoked.
    Revoked,
    /// The session began longer ago than revocations are kept.
    TooOld,
}

/// The sessions as one replica sees them. Cheap to clone; all clones share one state.
#[derive(Clone, Debug)]
pub struct Sessions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    rules: Rules,
    revocations: RevocationFollower,
    shown: ShownTokens,
}

impl Sessions {
    /// The sessions in `store`, with the revocations in force at `now`.
    pub async fn open(store: Store, rules: Rules, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let revocations = RevocationFollower::open(&store, now).await?;
        Ok(Self(Arc::new(Inner { store, rules, revocations, shown: ShownTokens::new() })))
    }

    /// The configured durations.
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// Whether the token with these claims is revoked, by this replica's list in memory, without I/O.
    pub fn is_revoked(&self, claims: &Claims) -> bool {
        self.0.revocations.revoked().is_revoked(claims)
    }

    /// How long ago this replica's revocation list was last complete.
    pub fn age(&self) -> Duration {
        self.0.revocations.age()
    }

    /// Fails closed: rejects every token while the revocation list is stale.
    pub fn ensure_fresh(&self) -> Result<(), Error> {
        if self.age() <= self.0.rules.staleness { Ok(()) } else { Err(Error::StaleRevocations) }
    }

    /// Checks that the store could be written to.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.0.store.probe().await
    }

    /// Refreshes a session by a token with these claims, which was judged valid: the table of the contract, section 7.
    /// A new token gets `binding` and `expires_at`.
    pub async fn refresh(
        &self,
        claims: &Claims,
        binding: Binding,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<RefreshOutcome, StoreError> {
        self.in_time(self.refresh_session(claims, binding, expires_at, now)).await
    }

    async fn refresh_session(
        &self,
        claims: &Claims,
        binding: Binding,
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<RefreshOutcome, StoreError> {
        let Inner { store, rules, .. } = &*self.0;
        // The current token may be within the resume window though the presented one is not.
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
                .checked_add_signed(time_delta(rules.session_max))
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
                    // The UPDATE also sees the marks that this replica has not written yet.
                    self.flush_shown().await?;
                    let reissued = CurrentToken { generation: current.generation, ..next.next() };
                    if store.reissue(claims.sid, &current, &reissued).await? {
                        return Ok(RefreshOutcome::Reissued(reissued));
                    }
                }
                Succession::Expired => return Ok(RefreshOutcome::Expired),
                Succession::Reuse => {
                    self.revoke_target(RevocationTarget::Session(claims.sid), now).await?;
                    return Ok(RefreshOutcome::Reused);
                }
            }
        }
        Err(StoreError::Contended)
    }

    /// Marks the token with these claims as shown: it was presented and is valid.
    pub fn note_shown(&self, claims: &Claims) {
        self.0.shown.note(claims.sid, claims.generation);
    }

    /// Writes the pending marks of shown tokens to the store.
    pub async fn flush_shown(&self) -> Result<(), StoreError> {
        self.0.shown.flush(&self.0.store).await
    }

    /// Whether a new session may have the identity of an earlier one. Reads the store, which keeps revocations long after
    /// their last token expired.
    pub async fn check_identity(
        &self,
        account: AccountSid,
        deployment: Option<DeploymentKey>,
        identity: Identity,
        earlier: EarlierSession,
        now: DateTime<Utc>,
    ) -> Result<Result<(), IdentityRefusal>, StoreError> {
        if now.signed_duration_since(earlier.auth_time) > time_delta(self.0.rules.revocation_retention) {
            return Ok(Err(IdentityRefusal::TooOld));
        }
        let mut targets = vec![
            RevocationTarget::Session(earlier.sid),
            RevocationTarget::Identity(account, identity),
            RevocationTarget::Account(account),
        ];
        targets.extend(deployment.map(RevocationTarget::Deployment));
        let began_at = began_at(earlier.sid, earlier.auth_time);
        let is_revoked = self.in_time(self.0.store.is_revoked(&targets, began_at)).await?;
        Ok(if is_revoked { Err(IdentityRefusal::Revoked) } else { Ok(()) })
    }

    /// Whether a token that expired at `expires_at` is beyond the resume window.
    fn is_over(&self, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        now.signed_duration_since(expires_at) >= time_delta(self.0.rules.resume_window)
    }

    /// Revokes the sessions of `target` that began up to now. Once this returns, this replica rejects their tokens and the
    /// revocation is durable; the other replicas apply it with their next read.
    pub async fn revoke(&self, target: RevocationTarget, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.in_time(self.revoke_target(target, now)).await
    }

    async fn revoke_target(&self, target: RevocationTarget, now: DateTime<Utc>) -> Result<(), StoreError> {
        // A token from a replica whose clock is ahead may live that much longer.
        let forget_at = now + time_delta(self.0.rules.session_max) + time_delta(CLOCK_SKEW);
        self.0.store.revoke(target, now, forget_at).await?;
        self.0.revocations.revoked().add([Revocation { target, revoked_at: now, forget_at }]);
        Ok(())
    }

    /// Limits a request's calls of the store. A call that is cancelled is executed as a whole or not at all.
    async fn in_time<T>(&self, calls: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        // On the heap: an async call holds what it awaits several times over, 32 KiB of copies in a refresh.
        let limited = tokio::time::timeout(self.0.rules.store_timeout, Box::pin(calls)).await;
        limited.unwrap_or(Err(StoreError::Database(DatabaseError::Timeout)))
    }

    /// Reads new revocations from the store once.
    pub async fn follow_once(&self) -> Result<(), StoreError> {
        self.0.revocations.follow_once(&self.0.store).await
    }

    /// Follows the store until it is dropped: at once where the store notifies, and every `period` in any case. Also
    /// writes the marks of shown tokens.
    pub async fn follow(&self, period: Duration) {
        let notified = Notify::new();
        let Inner { store, revocations, shown, .. } = &*self.0;
        tokio::join!(
            store.listen(&notified),
            revocations.follow(store, &notified, period),
            shown.run_flush_loop(store),
        );
    }

    /// Deletes expired revocations and ended sessions at `now`, a bounded number; returns the number of rows deleted.
    pub async fn purge(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let Rules { session_max, revocation_retention, .. } = self.0.rules;
        self.0.revocations.revoked().forget(now);
        // A row's `forget_at` is `session_max` plus the clock skew after the revocation. The skew is not subtracted: a replica
        // whose clock is behind still grants the identity of a session as old as the revocation.
        let kept_longer = revocation_retention.saturating_sub(session_max);
        self.0.store.purge(now, now - time_delta(kept_longer)).await
    }

    /// Writes what is pending and closes the store.
    pub async fn close(&self) {
        if let Err(error) = self.flush_shown().await {
            tracing::warn!(cause = error_chain(&error), "shown tokens not written");
        }
        self.0.store.close().await;
    }
}
