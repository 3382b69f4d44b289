//! Bounds of the outbox: events that waited too long fail, and so do the oldest if too many wait. Failed events are kept
//! for a while, for operators.

use chrono::{DateTime, TimeDelta, Utc};
use store::{PURGE_BATCH_ROWS, Sql};

use crate::{Conversations, StoreError, conversation_sid, date, subscriptions::EndpointId};

// The next endpoint in the order of the index, so that finding all endpoints does not visit all events.
static NEXT_ENDPOINT: Sql =
    Sql::new("SELECT MIN(endpoint) AS endpoint FROM webhook_events WHERE endpoint > $1");
static FAIL_OLD: Sql = Sql::new(
    "UPDATE webhook_events SET state = 'failed' WHERE (endpoint, conversation_sid, event_number) IN \
     (SELECT endpoint, conversation_sid, event_number FROM webhook_events \
     WHERE endpoint = $1 AND state = 'pending' AND waiting_since <= $2 LIMIT $3 {skip_locked}) \
     RETURNING conversation_sid",
);
static FAIL_OLDEST: Sql = Sql::new(
    "UPDATE webhook_events SET state = 'failed' WHERE (endpoint, conversation_sid, event_number) IN \
     (SELECT endpoint, conversation_sid, event_number FROM webhook_events WHERE endpoint = $1 AND state = 'pending' \
     ORDER BY waiting_since, conversation_sid, event_number LIMIT $2 {skip_locked}) RETURNING conversation_sid",
);
static DELETE_OLD: Sql = Sql::new(
    "DELETE FROM webhook_events WHERE (endpoint, conversation_sid, event_number) IN \
     (SELECT endpoint, conversation_sid, event_number FROM webhook_events \
     WHERE endpoint = $1 AND state = 'failed' AND waiting_since <= $2 LIMIT $3 {skip_locked})",
);
static DELETE_OLDEST: Sql = Sql::new(
    "DELETE FROM webhook_events WHERE (endpoint, conversation_sid, event_number) IN \
     (SELECT endpoint, conversation_sid, event_number FROM webhook_events WHERE endpoint = $1 AND state = 'failed' \
     ORDER BY waiting_since, conversation_sid, event_number LIMIT $2 {skip_locked})",
);
// Visits all events of the endpoint, in an index.
static COUNT: Sql = Sql::new(
    "SELECT state, COUNT(*) AS events, MIN(waiting_since) AS oldest FROM webhook_events WHERE endpoint = $1 GROUP BY state",
);
pub(crate) static STATEMENTS: &[&Sql] =
    &[&NEXT_ENDPOINT, &FAIL_OLD, &FAIL_OLDEST, &DELETE_OLD, &DELETE_OLDEST, &COUNT];

/// How many events of an endpoint are kept, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxBounds {
    /// How long an event waits until it fails.
    pub max_age: TimeDelta,
    /// How long after its creation or last replay a failed event is kept.
    pub max_age_failed: TimeDelta,
    /// How many events wait; as many failed ones are kept.
    pub max_events: i64,
}

impl Default for OutboxBounds {
    fn default() -> Self {
        Self { max_age: TimeDelta::days(7), max_age_failed: TimeDelta::days(30), max_events: 1_000_000 }
    }
}

/// The events of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many wait.
    pub pending: i64,
    /// Since when the oldest of these waits.
    pub oldest: Option<DateTime<Utc>>,
    /// How many have failed and are kept.
    pub failed: i64,
}

/// What one step of enforcing the bounds did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PurgedEvents {
    /// The events before the step.
    pub before: Backlog,
    /// Pending events that failed.
    pub failed: u64,
    /// Failed events that were deleted.
    pub deleted: u64,
}

impl Conversations {
    /// All endpoints with events, also failed ones, and also if they are configured no more.
    pub async fn endpoints(&self) -> Result<Vec<EndpointId>, StoreError> {
        let mut endpoints: Vec<EndpointId> = Vec::new();
        loop {
            let last = endpoints.last().map_or("", EndpointId::as_str);
            let found = self.database.read(NEXT_ENDPOINT.with([last.into()])).await?;
            let next = found.first().map_or(Ok(None), |row| row.get::<Option<&str>>("endpoint"))?;
            let Some(next) = next else { return Ok(endpoints) };
            endpoints.push(EndpointId(next.to_owned()));
        }
    }

    /// Enforces the bounds of an endpoint in one bounded step. Nothing is left to do once nothing failed and nothing was
    /// deleted.
    pub async fn purge_events(
        &self,
        endpoint: &EndpointId,
        bounds: OutboxBounds,
        now: DateTime<Utc>,
    ) -> Result<PurgedEvents, StoreError> {
        let before = self.backlog(endpoint).await?;
        let batch = i64::from(PURGE_BATCH_ROWS);
        let of_age = |sql: &'static Sql, age: TimeDelta| {
            let date = now.checked_sub_signed(age).map_or(i64::MIN, |date| date.timestamp_millis());
            sql.with([endpoint.as_str().into(), date.into(), batch.into()])
        };
        let excess = |events: i64| (events - bounds.max_events).clamp(0, batch);
        let of_number = |sql: &'static Sql, limit: i64| sql.with([endpoint.as_str().into(), limit.into()]);
        let mut purged = PurgedEvents { before, ..PurgedEvents::default() };
        for statement in [of_number(&FAIL_OLDEST, excess(before.pending)), of_age(&FAIL_OLD, bounds.max_age)]
        {
            let [changed] = self.database.write([statement]).await?;
            let conversations = changed.rows.iter().map(|row| conversation_sid(row.get("conversation_sid")?));
            self.promote_each(endpoint, conversations.collect::<Result<Vec<_>, _>>()?, now).await?;
            purged.failed += changed.affected;
        }
        for statement in
            [of_number(&DELETE_OLDEST, excess(before.failed)), of_age(&DELETE_OLD, bounds.max_age_failed)]
        {
            let [changed] = self.database.write([statement]).await?;
            purged.deleted += changed.affected;
        }
        Ok(purged)
    }

    async fn backlog(&self, endpoint: &EndpointId) -> Result<Backlog, StoreError> {
        let found = self.database.read(COUNT.with([endpoint.as_str().into()])).await?;
        let mut backlog = Backlog::default();
        for row in found.iter() {
            match row.get("state")? {
                "pending" => {
                    backlog.pending = row.get("events")?;
                    backlog.oldest = Some(date(row.get("oldest")?)?);
                }
                _ => backlog.failed = row.get("events")?,
            }
        }
        Ok(backlog)
    }
}
