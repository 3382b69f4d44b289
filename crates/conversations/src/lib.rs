//! Conversations and their messages (contract, sections 3 and 11), and the store that holds them. No HTTP: the
//! orchestrator's handlers call this crate, and tests call it without a server.
//!
//! A conversation belongs to one account and one identity. Access with another identity or account returns the same as
//! access to a missing conversation, at the cost of the same single query.
//!
//! Statements and schema use only what SQLite and PostgreSQL have in common.

mod append;
mod by_session;
mod desk_lists;
mod desk_messages;
mod desk_update;
mod erase;
mod erased_guests;
mod hub;
mod idempotency;
mod last_session;
mod open_conversation;
mod outbox;
mod outbox_bounds;
mod outbox_leases;
mod outbox_order;
mod outbox_replay;
mod pages;
mod publish;
mod records;
mod retention;
mod scrub;
mod subscriptions;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use shared_types::{ConversationSid, orchestrator::send_message::MAX_BODY};
pub use store::OpenError;
use store::{
    Batcher, Database, DatabaseConfig, DatabaseError, Idempotency, Migrations, Outcome, Sql, Statement,
    migrator,
};
use tokio::sync::Notify;

pub use self::{
    append::{Appended, NewMessage},
    desk_lists::{Filter, Page, Position},
    desk_messages::MessageRange,
    desk_update::Changes,
    hub::{Hub, Registration},
    idempotency::IdempotencyKey,
    last_session::LastSession,
    open_conversation::{NewConversation, Opened},
    outbox_bounds::{Backlog, OutboxBounds, PurgedEvents},
    outbox_leases::{AttemptFailed, Event, LEASE, MAX_FAILURES, Retry},
    pages::Range,
    records::{ConversationRecord, MESSAGE_ENVELOPE, MessageRecord},
    subscriptions::{EndpointId, EventType, Subscription, Subscriptions},
};
use self::{by_session::BySession, publish::Publisher, scrub::Scrubber};

/// The tables.
pub const MIGRATIONS: Migrations = Migrations::new("orchestrator", || {
    migrator(&[("conversations", include_str!("../migrations/0001_conversations.sql"))])
});

/// The author of messages that no participant wrote.
pub const SYSTEM: &str = "system";

/// Maximum number of messages of the guest in a conversation.
pub const MAX_GUEST_MESSAGES: i64 = 2000;

/// Maximum size of the guest's messages, form and name in a conversation, in bytes.
pub const MAX_GUEST_BYTES: i64 = 1024 * 1024;

/// Above this size a conversation is full: the longest message may not fit any more. So whether it is full does not
/// depend on the message that the guest is about to send.
const FULL_ABOVE: i64 = MAX_GUEST_BYTES - MAX_BODY as i64;

// An empty sid has no row, and an index says so.
static PROBE: Sql = Sql::new("UPDATE conversations SET last_day = last_day WHERE sid = ''");

/// Every statement, for tests that prepare each on both engines.
pub fn statements() -> Vec<&'static Sql> {
    [append::STATEMENTS, by_session::STATEMENTS, last_session::STATEMENTS, open_conversation::STATEMENTS]
        .into_iter()
        .chain([
            pages::STATEMENTS,
            desk_lists::STATEMENTS,
            desk_messages::STATEMENTS,
            desk_update::STATEMENTS,
        ])
        .chain([erase::STATEMENTS, erased_guests::STATEMENTS, &[&PROBE]])
        .chain([outbox::STATEMENTS, outbox_leases::STATEMENTS, outbox_bounds::STATEMENTS])
        .chain([outbox_order::STATEMENTS, outbox_replay::STATEMENTS])
        .flatten()
        .copied()
        .chain(retention::statements())
        .collect()
}

/// The store. Cheap to clone; clones share one database.
#[derive(Clone, Debug)]
pub struct Conversations {
    database: Database,
    /// PostgreSQL only.
    by_session: Option<Batcher<BySession>>,
    scrubber: Scrubber,
    hub: Hub,
    publisher: Publisher,
    /// Empty unless set by [`reporting_to`](Self::reporting_to).
    subscriptions: Subscriptions,
    /// Notified after a change that was reported to webhooks.
    events_written: Arc<Notify>,
}

/// Store error. Nothing was written, except where the write succeeded and only its reply was lost.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is busy, full, unreachable or failed otherwise.
    #[error("the conversations' database failed")]
    Database(#[from] DatabaseError),
    /// A row holds a value that this service never writes.
    #[error("the conversations' database holds a malformed {0}")]
    Malformed(&'static str),
    /// The conversation holds the maximum that its guest may write.
    #[error("the conversation is full")]
    Full,
    /// The conversation is closed.
    #[error("the conversation is closed")]
    Closed,
    /// The idempotency key was used for another message.
    #[error("the idempotency key was used for another message")]
    KeyReused,
    /// An operator erased the guest.
    #[error("the guest was erased")]
    Erased,
}

impl Conversations {
    /// Opens the store. With SQLite, creates file, directory and tables if they are missing.
    pub async fn open(config: &DatabaseConfig) -> Result<Self, OpenError> {
        let database = Database::open(config, MIGRATIONS).await?;
        let by_session = database.postgres().map(|pool| Batcher::new(BySession::new(pool.clone())));
        let scrubber = Scrubber::new(&database);
        let hub = Hub::default();
        let publisher = Publisher::new(&database, hub.clone());
        let subscriptions = Subscriptions::default();
        let events_written = Arc::default();
        Ok(Self { database, by_session, scrubber, hub, publisher, subscriptions, events_written })
    }

    /// The hub of requests that wait for changes.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Checks that the store could be written to.
    pub async fn probe(&self) -> Result<(), StoreError> {
        Ok(self.database.probe(PROBE.with([])).await?)
    }

    /// Whether the database is a PostgreSQL server.
    pub fn is_on_postgres(&self) -> bool {
        self.database.postgres().is_some()
    }

    /// Waits for pending operations and closes the store, for all clones.
    pub async fn close(&self) {
        self.publisher.flush().await;
        self.database.close().await;
    }

    /// Writes a change of a conversation and publishes it, even if the caller is cancelled meanwhile: when a client goes
    /// away, its request's transaction may commit all the same. The first statement changes the conversation's row, or no
    /// statement changes what guests read. Returns an outcome per statement.
    async fn write_change(
        &self,
        conversation: ConversationSid,
        idempotency: Idempotency,
        statements: Vec<Statement>,
    ) -> Result<Vec<Outcome>, DatabaseError> {
        let (database, publisher) = (self.database.clone(), self.publisher.clone());
        let events_written = self.reports().then(|| Arc::clone(&self.events_written));
        let written = tokio::spawn(async move {
            let written = match idempotency {
                Idempotency::Idempotent => database.write_idempotent(statements).await,
                Idempotency::AtMostOnce => database.write_all(statements).await,
            };
            // After an error the transaction may have committed, and only its reply was lost.
            let is_unchanged = written
                .as_ref()
                .is_ok_and(|outcomes| outcomes.first().is_none_or(|outcome| outcome.affected == 0));
            if !is_unchanged {
                publisher.changed(conversation);
                if let Some(events_written) = events_written {
                    events_written.notify_one();
                }
            }
            written
        });
        written.await.unwrap_or(Err(DatabaseError::Closed))
    }
}

fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The day of a time, in days since 1970.
fn day(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(24 * 3600)
}

fn date(milliseconds: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(milliseconds).ok_or(StoreError::Malformed("date"))
}

fn conversation_sid(text: &str) -> Result<ConversationSid, StoreError> {
    text.parse().map_err(|_| StoreError::Malformed("conversation sid"))
}
