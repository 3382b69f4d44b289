//! Publishes changes of conversations to all replicas. PostgreSQL: `NOTIFY` after the commit, with the sids of many changes
//! in one statement. In the transaction of the change it would cost two thirds of the throughput, because PostgreSQL
//! serialises the commits of transactions that notify.

use std::time::Duration;

use shared_types::ConversationSid;
use sqlx::PgPool;
use store::{Database, Notification};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::hub::Hub;

const CHANNEL: &str = "conversations_changed";

/// Sids in one notification; its payload is limited to 8,000 bytes.
const MAX_SIDS: usize = 200;

/// Changes that are not published yet. Beyond that they are dropped, and other replicas' guests hear of them with the end
/// of their wait.
const PENDING: usize = 10_000;

/// Time over which all waiting guests read again after the listener reconnected.
const SPREAD: Duration = Duration::from_secs(2);

// PostgreSQL only.
const NOTIFY: &str = "SELECT pg_notify($1, $2)";

/// Publishes changes. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    hub: Hub,
    /// PostgreSQL only.
    replicas: Option<Sender<ConversationSid>>,
}

impl Publisher {
    /// Starts publishing and listening on the current tokio runtime, until the last clone is dropped.
    pub(crate) fn new(database: &Database, hub: Hub) -> Self {
        let replicas = database.postgres().map(|pool| {
            let (sender, receiver) = mpsc::channel(PENDING);
            let (pool, database, woken) = (pool.clone(), database.clone(), hub.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = publish(&pool, receiver) => {}
                    () = listen(&database, woken) => {}
                }
            });
            sender
        });
        Self { hub, replicas }
    }

    /// Publishes a committed change of a conversation.
    pub(crate) fn changed(&self, conversation: ConversationSid) {
        self.hub.wake(conversation);
        if let Some(replicas) = &self.replicas {
            // An error if too many are pending.
            let _ = replicas.try_send(conversation);
        }
    }
}

async fn publish(pool: &PgPool, mut changes: Receiver<ConversationSid>) {
    let mut sids = Vec::with_capacity(MAX_SIDS);
    while changes.recv_many(&mut sids, MAX_SIDS).await > 0 {
        sids.sort_unstable();
        sids.dedup();
        let payload: Vec<_> = sids.drain(..).map(|sid| sid.to_string()).collect();
        // If it fails, the listener's connection most likely fails too, and all guests read again after it reconnected.
        drop(sqlx::query(NOTIFY).bind(CHANNEL).bind(payload.join(",")).execute(pool).await);
    }
}

async fn listen(database: &Database, hub: Hub) {
    let (missed, mut reconnected) = mpsc::channel::<()>(1);
    let wake = |notification: Notification<'_>| match notification {
        Notification::Received(payload) => {
            payload.split(',').filter_map(|sid| sid.parse().ok()).for_each(|sid| hub.wake(sid));
        }
        // An error if it is already due.
        Notification::Connected => drop(missed.try_send(())),
    };
    let wake_all = async {
        while reconnected.recv().await.is_some() {
            hub.wake_all(SPREAD).await;
        }
    };
    tokio::join!(database.listen(CHANNEL, wake), wake_all);
}
