//! Bounds of the outbox: events that waited too long fail, and so do the oldest if too many wait. Failed events are kept
//! for a while, for operators.

use chrono::{DateTime, TimeDelta, Utc};
use store::{PURGE_BATCH_ROWS, Sql};

use crate::{Conversations, StoreError};

// The next endpoint in the order of the index, so that finding all endpoints does not visit all events.
static NEXT_ENDPOINT: Sql =
    Sql::new("SELECT MIN(endpoint) AS endpoint FROM webhook_events WHERE endpoint > $1");
static FAIL_OLD: Sql = Sql::new(
    "UPDATE webhook_events SET state = 'failed' WHERE endpoint = $1 AND state = 'pending' \
     AND (conversation_sid, event_number) IN (SELECT conversation_sid, event_number FROM webhook_events \
     WHERE endpoint = $1 AND state = 'pending' AND waiting_since <= $2 LIMIT $3 {skip_locked})",
);
// All beyond the newest ones. No row is skipped because of a lock: the offset would count from other rows.
static FAIL_EXCESS: Sql = Sql::new(
    "UPDATE webhook_events SET state = 'failed' WHERE endpoint = $1 AND state = 'pending' \
     AND (conversation_sid, event_number) IN (SELECT conversation_sid, event_number FROM webhook_events \
     WHERE endpoint = $1 AND state = 'pending' \
     ORDER BY waiting_since DESC, conversation_sid DESC, event_number DESC LIMIT $2 OFFSET $3)",
);
static DELETE_OLD: Sql = Sql::new(
    "DELETE FROM webhook_events WHERE endpoint = $1 AND state = 'failed' \
     AND (conversation_sid, event_number) IN (SELECT conversation_sid, event_number FROM webhook_events \
     WHERE endpoint = $1 AND state = 'failed' AND waiting_since <= $2 LIMIT $3 {skip_locked})",
);
static DELETE_EXCESS: Sql = Sql::new(
    "DELETE FROM webhook_events WHERE endpoint = $1 AND state = 'failed' \
     AND (conversation_sid, event_number) IN (SELECT conversation_sid, event_number FROM webhook_events \
     WHERE endpoint = $1 AND state = 'failed' \
     ORDER BY waiting_since DESC, conversation_sid DESC, event_number DESC LIMIT $2 OFFSET $3)",
);
pub(crate) static STATEMENTS: &[&Sql] =
    &[&NEXT_ENDPOINT, &FAIL_OLD, &FAIL_EXCESS, &DELETE_OLD, &DELETE_EXCESS];

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

impl Conversations {
    /// Enforces the bounds in bounded steps, also for endpoints that are configured no more. Returns the number of rows
    /// changed; 0 when nothing is left to do.
    pub async fn purge_events(&self, bounds: OutboxBounds, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let before =
            |age: TimeDelta| now.checked_sub_signed(age).map_or(i64::MIN, |date| date.timestamp_millis());
        let batch = i64::from(PURGE_BATCH_ROWS);
        let (mut rows, mut endpoint) = (0, String::new());
        loop {
            let found = self.database.read(NEXT_ENDPOINT.with([endpoint.as_str().into()])).await?;
            let next = found.first().map_or(Ok(None), |row| row.get::<Option<&str>>("endpoint"))?;
            let Some(next) = next else { return Ok(rows) };
            endpoint = next.to_owned();
            let of_age = |sql: &'static Sql, age| {
                sql.with([endpoint.as_str().into(), before(age).into(), batch.into()])
            };
            let of_number = |sql: &'static Sql| {
                sql.with([endpoint.as_str().into(), batch.into(), bounds.max_events.into()])
            };
            for statement in [
                of_age(&FAIL_OLD, bounds.max_age),
                of_number(&FAIL_EXCESS),
                of_age(&DELETE_OLD, bounds.max_age_failed),
                of_number(&DELETE_EXCESS),
            ] {
                let [changed] = self.database.write([statement]).await?;
                rows += changed.affected;
            }
        }
    }
}
