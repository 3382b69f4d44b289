//! The order of webhook events: of each endpoint and conversation one pending event is due, and blocks the later ones until
//! it is delivered, has failed, or fails for five minutes. Then the first blocked event is promoted: it is due.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use shared_types::ConversationSid;
use store::{Sql, Statement};

use crate::{Conversations, StoreError, conversation_sid, subscriptions::EndpointId};

static PROMOTE: Sql = Sql::new(
    "UPDATE webhook_events SET next_attempt = $3 WHERE endpoint = $1 AND conversation_sid = $2 AND state = 'pending' \
     AND event_number = (SELECT MIN(event_number) FROM webhook_events WHERE endpoint = $1 AND conversation_sid = $2 \
     AND state = 'pending' AND next_attempt = 9223372036854775807) \
     AND NOT EXISTS (SELECT 1 FROM webhook_events earlier WHERE earlier.endpoint = $1 AND earlier.conversation_sid = $2 \
     AND earlier.event_number < webhook_events.event_number AND earlier.state = 'pending' AND earlier.blocks_until > $3)",
);
// Waits for transactions that write events of the conversation.
static LOCK: Sql = Sql::new("UPDATE conversations SET next_event = next_event WHERE sid = $1");
static FAILING: Sql = Sql::new(
    "SELECT conversation_sid FROM webhook_events WHERE endpoint = $1 AND blocks_until < 9223372036854775807 \
     AND blocks_until BETWEEN 1 AND $2 AND state = 'pending' LIMIT 100",
);
static RELEASE: Sql = Sql::new(
    "UPDATE webhook_events SET blocks_until = 0 WHERE endpoint = $1 AND conversation_sid = $2 \
     AND blocks_until BETWEEN 1 AND $3 AND state = 'pending'",
);
static NEXT_CONVERSATION: Sql = Sql::new(
    "SELECT MIN(conversation_sid) AS conversation_sid FROM webhook_events WHERE endpoint = $1 AND conversation_sid > $2",
);
static FIRST_PENDING: Sql = Sql::new(
    "SELECT next_attempt FROM webhook_events WHERE endpoint = $1 AND conversation_sid = $2 AND state = 'pending' \
     AND blocks_until > $3 ORDER BY event_number LIMIT 1",
);
pub(crate) static STATEMENTS: &[&Sql] =
    &[&PROMOTE, &LOCK, &FAILING, &RELEASE, &NEXT_CONVERSATION, &FIRST_PENDING];

/// Promotes the first blocked event of a conversation, if no earlier event blocks it.
pub(crate) fn promote(endpoint: &EndpointId, conversation: ConversationSid, now: DateTime<Utc>) -> Statement {
    PROMOTE.with([endpoint.as_str().into(), conversation.to_string().into(), now.timestamp_millis().into()])
}

impl Conversations {
    /// Releases the later events of events that have failed for five minutes.
    pub async fn release_events(&self, endpoint: &EndpointId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let milliseconds = now.timestamp_millis();
        let failing =
            self.database.read(FAILING.with([endpoint.as_str().into(), milliseconds.into()])).await?;
        for row in failing.iter() {
            let conversation = conversation_sid(row.get("conversation_sid")?)?;
            let sid = conversation.to_string();
            let release = RELEASE.with([endpoint.as_str().into(), sid.as_str().into(), milliseconds.into()]);
            let lock = LOCK.with([sid.into()]);
            self.database.write([lock, promote(endpoint, conversation, now), release]).await?;
        }
        Ok(())
    }

    /// Promotes events whose insertion had not yet seen that the event before them is gone. SQLite writes one transaction
    /// at a time, so there are none.
    pub(crate) async fn promote_unseen(
        &self,
        endpoint: &EndpointId,
        conversations: impl IntoIterator<Item = ConversationSid>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if self.is_on_postgres() { self.promote_each(endpoint, conversations, now).await } else { Ok(()) }
    }

    /// Promotes the first blocked event of each conversation, after transactions that write events of it.
    pub(crate) async fn promote_each(
        &self,
        endpoint: &EndpointId,
        conversations: impl IntoIterator<Item = ConversationSid>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        for conversation in conversations.into_iter().collect::<BTreeSet<_>>() {
            let lock = LOCK.with([conversation.to_string().into()]);
            self.database.write([lock, promote(endpoint, conversation, now)]).await?;
        }
        Ok(())
    }

    /// Promotes events that remained blocked because a process stopped between the change of an event and the promotion of
    /// the next. Visits every conversation with events of the endpoint.
    pub async fn promote_forgotten(
        &self,
        endpoint: &EndpointId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut before = String::new();
        loop {
            let of_conversation = |sid: &str| [endpoint.as_str().into(), sid.into()];
            let next = self.database.read(NEXT_CONVERSATION.with(of_conversation(&before))).await?;
            let next = next.first().map_or(Ok(None), |row| row.get::<Option<&str>>("conversation_sid"))?;
            let Some(next) = next else { return Ok(()) };
            before = next.to_owned();
            let [id, sid] = of_conversation(&before);
            let first =
                self.database.read(FIRST_PENDING.with([id, sid, now.timestamp_millis().into()])).await?;
            let next_attempt = first.first().map(|row| row.get::<i64>("next_attempt")).transpose()?;
            if next_attempt == Some(i64::MAX) {
                self.promote_each(endpoint, [conversation_sid(&before)?], now).await?;
            }
            tokio::task::yield_now().await;
        }
    }
}
