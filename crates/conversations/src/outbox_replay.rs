//! Events that have failed: operators list and replay them.

use chrono::{DateTime, Utc};
use shared_types::ConversationSid;
use store::{PURGE_BATCH_ROWS, Sql};

use crate::{Conversations, StoreError, conversation_sid, outbox_leases::Event, subscriptions::EndpointId};

// They have no lease.
static FAILED: Sql = Sql::new(
    "SELECT conversation_sid, event_number, account_sid, event_type, message_sid, date_created, attempts, \
     date_created AS next_attempt FROM webhook_events WHERE endpoint = $1 AND state = 'failed' \
     ORDER BY waiting_since DESC, conversation_sid DESC, event_number DESC LIMIT $2",
);
// Blocked: the first of each conversation is promoted afterwards.
static REPLAY: Sql = Sql::new(
    "UPDATE webhook_events SET state = 'pending', attempts = 0, waiting_since = $3, \
     next_attempt = 9223372036854775807, blocks_until = 9223372036854775807 \
     WHERE (endpoint, conversation_sid, event_number) IN \
     (SELECT endpoint, conversation_sid, event_number FROM webhook_events WHERE endpoint = $1 AND state = 'failed' \
     AND ($2 = '' OR conversation_sid = $2) LIMIT $4 {skip_locked}) RETURNING conversation_sid",
);
static FORGIVE: Sql = Sql::new("DELETE FROM webhook_endpoints WHERE endpoint = $1");
pub(crate) static STATEMENTS: &[&Sql] = &[&FAILED, &REPLAY, &FORGIVE];

impl Conversations {
    /// The failed events of an endpoint, at most `limit`, the newest first.
    pub async fn failed_events(&self, endpoint: &EndpointId, limit: u32) -> Result<Vec<Event>, StoreError> {
        let find = FAILED.with([endpoint.as_str().into(), i64::from(limit).into()]);
        let found = self.database.read(find).await?;
        found.iter().map(|row| Event::of(endpoint, row)).collect()
    }

    /// Makes failed events of an endpoint pending again, all or those of one conversation, as if they were new and the
    /// endpoint had not failed. Returns their number.
    pub async fn replay_events(
        &self,
        endpoint: &EndpointId,
        conversation: Option<ConversationSid>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        self.database.write([FORGIVE.with([endpoint.as_str().into()])]).await?;
        let mut replayed = 0;
        loop {
            let replay = REPLAY.with([
                endpoint.as_str().into(),
                conversation.map(|sid| sid.to_string()).unwrap_or_default().into(),
                now.timestamp_millis().into(),
                i64::from(PURGE_BATCH_ROWS).into(),
            ]);
            let [changed] = self.database.write([replay]).await?;
            if changed.affected == 0 {
                return Ok(replayed);
            }
            replayed += changed.affected;
            let conversations = changed.rows.iter().map(|row| conversation_sid(row.get("conversation_sid")?));
            self.promote_each(endpoint, conversations.collect::<Result<Vec<_>, _>>()?, now).await?;
        }
    }
}
