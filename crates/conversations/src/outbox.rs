//! Writes webhook events to the outbox, in the transaction of what they report. Event numbers come from the
//! conversation's row, which the transaction has locked, so numbers have no gaps and commit in order.

use chrono::{DateTime, Utc};
use shared_types::{AccountSid, ConversationSid, MessageSid};
use store::{Sql, Statement};

use crate::{
    Conversations, FULL_ABOVE, MAX_GUEST_MESSAGES,
    subscriptions::{EventType, Subscriptions},
};

// Blocked if an earlier event of the conversation is pending, except one that has failed for a while.
static INSERT_EVENT: Sql = Sql::new(
    "INSERT INTO webhook_events (endpoint, conversation_sid, event_number, account_sid, event_type, message_sid, \
     date_created, waiting_since, attempts, next_attempt, blocks_until, state) \
     SELECT $1, sid, next_event - $2, account_sid, $3, $4, $5, $5, 0, CASE WHEN EXISTS (SELECT 1 FROM webhook_events \
     WHERE endpoint = $1 AND conversation_sid = $6 AND state = 'pending' AND blocks_until > $5) \
     THEN 9223372036854775807 ELSE $5 END, 9223372036854775807, 'pending' \
     FROM conversations WHERE sid = $6 AND account_sid = $7",
);
static NUMBER_CLOSED: Sql = Sql::new(
    "UPDATE conversations SET next_event = next_event + 1 WHERE sid = $1 AND account_sid = $2 AND state = 'active'",
);
static NUMBER_FULL: Sql = Sql::new(
    "UPDATE conversations SET next_event = next_event + 1 WHERE sid = $1 AND account_sid = $2 \
     AND (guest_messages >= $3 OR guest_bytes > $4)",
);
// No other transaction sees this state. It marks the conversations that were numbered here: one that is opened
// meanwhile was not, but the next statement would already see it. The index to search is that of sessions, not of states.
static NUMBER_CLOSED_OF_SESSION: Sql = Sql::new(
    "UPDATE conversations SET next_event = next_event + 1, state = 'closing' \
     WHERE account_sid = $1 AND session_id = $2 AND session_ended_at IS NULL AND state || '' = 'active'",
);
static INSERT_CLOSED_OF_SESSION: Sql = Sql::new(
    "INSERT INTO webhook_events (endpoint, conversation_sid, event_number, account_sid, event_type, \
     date_created, waiting_since, attempts, next_attempt, blocks_until, state) \
     SELECT $1, sid, next_event - 1, account_sid, $2, $3, $3, 0, CASE WHEN EXISTS (SELECT 1 FROM webhook_events \
     WHERE endpoint = $1 AND conversation_sid = c.sid AND state = 'pending' AND blocks_until > $3) \
     THEN 9223372036854775807 ELSE $3 END, 9223372036854775807, 'pending' \
     FROM conversations c WHERE account_sid = $4 AND session_id = $5 AND state || '' = 'closing'",
);
// Not if the conversation is erased already: the event that reports it stays.
static DELETE_EVENTS: Sql = Sql::new(
    "DELETE FROM webhook_events \
     WHERE conversation_sid = (SELECT sid FROM conversations WHERE sid = $1 AND account_sid = $2)",
);
pub(crate) static STATEMENTS: &[&Sql] = &[
    &INSERT_EVENT,
    &NUMBER_CLOSED,
    &NUMBER_FULL,
    &NUMBER_CLOSED_OF_SESSION,
    &INSERT_CLOSED_OF_SESSION,
    &DELETE_EVENTS,
];

/// The conversation that events are written for, and their date.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reported<'a> {
    pub(crate) subscriptions: &'a Subscriptions,
    pub(crate) account: AccountSid,
    pub(crate) conversation: ConversationSid,
    pub(crate) now: DateTime<Utc>,
}

impl Conversations {
    /// The same store. Changes that are made through it are reported to these webhooks of the account.
    #[must_use]
    pub fn reporting_to(&self, subscriptions: Subscriptions) -> Self {
        Self { subscriptions, ..self.clone() }
    }

    /// Completes after changes were reported since the last call.
    pub async fn events_written(&self) {
        self.events_written.notified().await;
    }

    /// Whether changes are reported.
    pub(crate) fn reports(&self) -> bool {
        self.subscriptions != Subscriptions::default()
    }

    pub(crate) fn reported(
        &self,
        account: AccountSid,
        conversation: ConversationSid,
        now: DateTime<Utc>,
    ) -> Reported<'_> {
        Reported { subscriptions: &self.subscriptions, account, conversation, now }
    }
}

impl Reported<'_> {
    /// Inserts an event for each endpoint that receives its type: the one with the number `next_event - behind`.
    /// Each statement inserts one row, or none if the account has no such conversation.
    pub(crate) fn insert(
        &self,
        event: EventType,
        message: Option<MessageSid>,
        behind: i64,
    ) -> impl Iterator<Item = Statement> {
        self.subscriptions.to(event).map(move |endpoint| {
            INSERT_EVENT.with([
                endpoint.as_str().into(),
                behind.into(),
                event.as_str().into(),
                message.map(|sid| sid.to_string()).into(),
                self.now.timestamp_millis().into(),
                self.conversation.to_string().into(),
                self.account.to_string().into(),
            ])
        })
    }

    /// Reports that the conversation is closed, if it is active. Before the statement that closes it.
    pub(crate) fn closed(&self) -> Vec<Statement> {
        let number =
            NUMBER_CLOSED.with([self.conversation.to_string().into(), self.account.to_string().into()]);
        numbered(number, self.insert(EventType::ConversationClosed, None, 1))
    }

    /// Reports that the conversation is full, if it is. Conditional: after the insertion of the guest's message, which was
    /// rejected if the conversation had been full before.
    pub(crate) fn full(&self) -> Vec<Statement> {
        let number = NUMBER_FULL.with([
            self.conversation.to_string().into(),
            self.account.to_string().into(),
            MAX_GUEST_MESSAGES.into(),
            FULL_ABOVE.into(),
        ]);
        numbered(number.if_rows(), self.insert(EventType::ConversationFull, None, 1))
    }
}

/// Reports that all active conversations of a session are closed. Before the statement that closes them.
pub(crate) fn closed_of_session(
    subscriptions: &Subscriptions,
    account: AccountSid,
    session: &str,
    now: DateTime<Utc>,
) -> Vec<Statement> {
    let account = account.to_string();
    let number = NUMBER_CLOSED_OF_SESSION.with([account.as_str().into(), session.into()]);
    let event = EventType::ConversationClosed;
    let inserts = subscriptions.to(event).map(|endpoint| {
        INSERT_CLOSED_OF_SESSION.with([
            endpoint.as_str().into(),
            event.as_str().into(),
            now.timestamp_millis().into(),
            account.as_str().into(),
            session.into(),
        ])
    });
    numbered(number, inserts)
}

/// Deletes the events of a conversation that were not sent.
pub(crate) fn delete_events(account: AccountSid, conversation: ConversationSid) -> Statement {
    DELETE_EVENTS.with([conversation.to_string().into(), account.to_string().into()])
}

/// The insertions after the statement that takes their number; nothing if there are no insertions.
fn numbered(number: Statement, inserts: impl Iterator<Item = Statement>) -> Vec<Statement> {
    let mut inserts = inserts.peekable();
    if inserts.peek().is_none() {
        return Vec::new();
    }
    std::iter::once(number).chain(inserts.map(Statement::if_rows)).collect()
}
