//! Publishes changes of conversations to all replicas. PostgreSQL: `NOTIFY` after the commit, with the sids of many changes
//! in one statement. In the transaction of the change it would cost two thirds of the throughput, because PostgreSQL
//! serialises the commits of transactions that notify.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use service_runtime::api_error::error_chain;
use shared_types::ConversationSid;
use store::{Database, Idempotency, Notification, PostgresPool};
use tokio::{
    sync::{
        mpsc::{self, Receiver, Sender},
        oneshot,
    },
    time::{sleep, timeout},
};

use crate::hub::Hub;

const CHANNEL: &str = "conversations_changed";

/// Sids in one notification; its payload is limited to 8,000 bytes.
const MAX_SIDS: usize = 200;

/// Changes that are not published yet. If there are more, all guests of all replicas read again.
const PENDING: usize = 10_000;

/// The payload after more than [`PENDING`] changes.
const ALL: &str = "*";

/// Delay before a failed notification is repeated.
const RETRY: Duration = Duration::from_millis(500);

/// Deadline for publishing what is pending when the store closes.
const FLUSH: Duration = Duration::from_secs(1);

/// Time over which all waiting guests read again after the listener reconnected.
const SPREAD: Duration = Duration::from_secs(2);

// PostgreSQL only.
const NOTIFY: &str = "SELECT pg_notify($1, $2)";

/// Publishes changes. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    hub: Hub,
    /// PostgreSQL only.
    replicas: Option<Replicas>,
}

/// The queue of the task that notifies the other replicas.
#[derive(Clone, Debug)]
struct Replicas {
    queue: Sender<Queued>,
    has_overflowed: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Queued {
    Change(ConversationSid),
    /// Dropped once everything queued before it is published.
    Flush(oneshot::Sender<()>),
}

impl Publisher {
    /// Starts publishing and listening on the current tokio runtime, until the last clone is dropped.
    pub(crate) fn new(database: &Database, hub: Hub) -> Self {
        let replicas = database.postgres().map(|pool| {
            let (queue, receiver) = mpsc::channel(PENDING);
            let replicas = Replicas { queue, has_overflowed: Arc::default() };
            let (pool, database, woken) = (pool.clone(), database.clone(), hub.clone());
            let has_overflowed = Arc::clone(&replicas.has_overflowed);
            tokio::spawn(async move {
                tokio::select! {
                    () = publish(&pool, receiver, &has_overflowed) => {}
                    () = listen(&database, woken) => {}
                }
            });
            replicas
        });
        Self { hub, replicas }
    }

    /// Publishes a committed change of a conversation.
    pub(crate) fn changed(&self, conversation: ConversationSid) {
        self.hub.wake(conversation);
        if let Some(Replicas { queue, has_overflowed }) = &self.replicas
            && queue.try_send(Queued::Change(conversation)).is_err()
        {
            // The queue is full, so the task will read the flag after the next notification at the latest.
            has_overflowed.store(true, Ordering::SeqCst);
        }
    }

    /// Waits until everything is published, for at most a second.
    pub(crate) async fn flush(&self) {
        let Some(Replicas { queue, .. }) = &self.replicas else { return };
        let (flush, flushed) = oneshot::channel();
        let flushed = async {
            if queue.send(Queued::Flush(flush)).await.is_ok() {
                let _ = flushed.await;
            }
        };
        let _ = timeout(FLUSH, flushed).await;
    }
}

async fn publish(pool: &PostgresPool, mut queue: Receiver<Queued>, has_overflowed: &AtomicBool) {
    let mut queued = Vec::with_capacity(MAX_SIDS);
    while queue.recv_many(&mut queued, MAX_SIDS).await > 0 {
        let (mut sids, mut flushes) = (Vec::with_capacity(queued.len()), Vec::new());
        for queued in queued.drain(..) {
            match queued {
                Queued::Change(sid) => sids.push(sid),
                Queued::Flush(flush) => flushes.push(flush),
            }
        }
        sids.sort_unstable();
        sids.dedup();
        if has_overflowed.swap(false, Ordering::SeqCst) {
            notify(pool, ALL).await;
        } else if !sids.is_empty() {
            let sids: Vec<_> = sids.iter().map(ConversationSid::to_string).collect();
            notify(pool, &sids.join(",")).await;
        }
        drop(flushes);
    }
}

/// Notifies until it succeeds: another replica's listener may be connected all the while.
async fn notify(pool: &PostgresPool, payload: &str) {
    let mut is_failing = false;
    let notify = || sqlx::query(NOTIFY).bind(CHANNEL).bind(payload);
    while let Err(error) = pool.execute(Idempotency::Idempotent, notify).await {
        if pool.is_closed() {
            return;
        }
        if !is_failing {
            tracing::warn!(
                cause = error_chain(&error),
                "changes of conversations could not be published, retrying"
            );
            is_failing = true;
        }
        sleep(RETRY).await;
    }
}

async fn listen(database: &Database, hub: Hub) {
    let (missed, mut reconnected) = mpsc::channel::<()>(1);
    let wake = |notification: Notification<'_>| match notification {
        // An error if it is already due.
        Notification::Received(ALL) | Notification::Connected => drop(missed.try_send(())),
        Notification::Received(payload) => {
            payload.split(',').filter_map(|sid| sid.parse().ok()).for_each(|sid| hub.wake(sid));
        }
    };
    let wake_all = async {
        while reconnected.recv().await.is_some() {
            hub.wake_all(SPREAD).await;
        }
    };
    tokio::join!(database.listen(CHANNEL, wake), wake_all);
}
