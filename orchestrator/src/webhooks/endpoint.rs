//! Sends the events of one endpoint: leases those that are due, attempts several at a time, and records the outcomes in
//! batches.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use conversations::{Event, MAX_FAILURES, Retry, StoreError};
use service_runtime::{api_error::error_chain, watched_file::WatchedFile};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    attempt, body, metrics::Reason, sender::Shared, signing_secrets::SigningSecretsSource, target::Target,
};
use crate::clients::webhook::AttemptError;

/// Concurrent attempts of one endpoint.
const CONCURRENT: usize = 64;

/// How often events are looked for that became due by time, and the signing secrets are read.
const POLL: Duration = Duration::from_secs(1);

/// How long nothing is due until the task ends.
const IDLE: Duration = Duration::from_secs(60);

/// After an error of the store.
const PAUSE: Duration = Duration::from_secs(5);

/// The sender of one endpoint.
pub(super) struct EndpointSender {
    pub(super) shared: Arc<Shared>,
    pub(super) target: Arc<Target>,
    /// Notified when events may be due.
    pub(super) due: Arc<Notify>,
}

/// How an attempt ended.
struct Attempted {
    event: Event,
    outcome: Result<(), Failure>,
}

enum Failure {
    Attempt(AttemptError),
    /// The account was removed from accounts.toml. The event remains.
    NoAccount,
    /// The event remains leased, and is attempted again after that.
    Store(StoreError),
}

impl EndpointSender {
    /// Sends until the task is aborted, or nothing was due for a while.
    pub(super) async fn run(self) {
        let source = SigningSecretsSource(self.target.signing_secret_file.clone());
        let secrets = WatchedFile::starting_with(None, source);
        tokio::select! {
            () = secrets.follow(POLL) => {}
            () = self.send(&secrets) => {}
        }
    }

    async fn send(&self, secrets: &WatchedFile<SigningSecretsSource>) {
        let mut reloads = secrets.reloads();
        let mut attempts: JoinSet<Attempted> = JoinSet::new();
        let (mut next_poll, mut last_lease) = (Instant::now(), Instant::now());
        loop {
            if Instant::now() >= next_poll {
                next_poll = Instant::now() + POLL;
                let released =
                    self.shared.conversations.release_events(&self.target.endpoint, self.now()).await;
                self.report(released).await;
            }
            // Without a signature, events wait.
            let secrets = Option::clone(&secrets.current());
            if let Some(secrets) = secrets {
                let leased = self.lease(CONCURRENT.saturating_sub(attempts.len())).await;
                for event in self.report(leased).await.unwrap_or_default() {
                    last_lease = Instant::now();
                    let (shared, target, secrets) =
                        (self.shared.clone(), self.target.clone(), secrets.clone());
                    attempts.spawn(async move {
                        let outcome = attempt(&shared, &target, &secrets, &event).await;
                        Attempted { event, outcome }
                    });
                }
            }
            if attempts.is_empty() && last_lease.elapsed() > IDLE {
                return;
            }
            let ended = tokio::select! {
                Some(ended) = attempts.join_next() => Some(ended),
                () = self.due.notified() => None,
                Ok(()) = reloads.changed() => None,
                () = sleep(next_poll.saturating_duration_since(Instant::now())) => None,
            };
            let mut ended: Vec<_> = ended.into_iter().collect();
            while let Some(more) = attempts.try_join_next() {
                ended.push(more);
            }
            self.record(ended.into_iter().flatten().collect()).await;
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.shared.clock.now()
    }

    async fn lease(&self, limit: usize) -> Result<Vec<Event>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        self.shared.conversations.lease_events(&self.target.endpoint, limit, self.now()).await
    }

    /// Records how attempts ended.
    async fn record(&self, attempted: Vec<Attempted>) {
        let mut delivered = Vec::with_capacity(attempted.len());
        for Attempted { event, outcome } in attempted {
            match outcome {
                Ok(()) => delivered.push(event),
                Err(Failure::Attempt(error)) => {
                    let recorded = self.failed(&event, &error).await;
                    self.report(recorded).await;
                }
                Err(Failure::NoAccount) => {}
                Err(Failure::Store(error)) => drop(self.report::<()>(Err(error)).await),
            }
        }
        if !delivered.is_empty() {
            self.shared.metrics.delivered(&self.target, delivered.len());
            let conversations = &self.shared.conversations;
            let recorded =
                conversations.events_delivered(&self.target.endpoint, &delivered, self.now()).await;
            self.report(recorded).await;
        }
    }

    async fn failed(&self, event: &Event, error: &AttemptError) -> Result<(), StoreError> {
        let (target, metrics) = (&self.target, &self.shared.metrics);
        metrics.attempt_failed(target);
        let retry = if error.is_gone() {
            Retry::Never
        } else {
            let [byte] = self.shared.random.bytes();
            Retry::Scheduled { jitter: f64::from(byte) / 255.0, retry_after: error.retry_after() }
        };
        let failed = self.shared.conversations.event_attempt_failed(event, retry, self.now()).await?;
        let (host, id) = (target.host(), event.webhook_id());
        let account = target.account;
        if failed.next_attempt.is_none() {
            let reason = if error.is_gone() { Reason::Gone } else { Reason::Attempts };
            metrics.failed(target, reason, 1);
            tracing::error!(%account, host, id, cause = %error, "webhook event failed, it is not sent again");
        } else if failed.failures == 1 {
            tracing::warn!(%account, host, id, cause = %error, "webhook endpoint failed, retrying");
        } else if failed.failures == MAX_FAILURES {
            tracing::error!(%account, host, cause = %error, "webhook endpoint is down, probing it every 5 minutes");
        }
        Ok(())
    }

    /// Logs an error of the store, and pauses. What was not recorded is attempted again after its lease.
    async fn report<T>(&self, result: Result<T, StoreError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                if self.shared.store_warnings.is_due(self.now()) {
                    tracing::warn!(cause = error_chain(&error), "outbox of webhooks unavailable, retrying");
                }
                sleep(PAUSE).await;
                None
            }
        }
    }
}

async fn attempt(
    shared: &Shared,
    target: &Target,
    secrets: &super::signature::SigningSecrets,
    event: &Event,
) -> Result<(), Failure> {
    let body = {
        let accounts = shared.accounts.current();
        let account = accounts.account(&event.account).cloned().ok_or(Failure::NoAccount)?;
        drop(accounts);
        body::of_event(&shared.conversations, &account, &shared.desk_url, event).await
    };
    let body = body.map_err(Failure::Store)?;
    let now = shared.clock.now();
    let id = event.webhook_id();
    attempt::post(&shared.client, target, secrets, id, body, now).await.map_err(Failure::Attempt)
}
