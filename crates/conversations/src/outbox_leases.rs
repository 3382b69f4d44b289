//! Leases webhook events to a sender, and records how their attempts ended. A lease is a date in the row, so no
//! transaction is open while a receiver answers, and the events of a stopped sender become due again.

use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use shared_types::{AccountSid, ConversationSid, MessageSid};
use store::{Row, Sql, Statement, Value};

use crate::{
    Conversations, StoreError, conversation_sid, date,
    outbox_order::promote,
    subscriptions::{EndpointId, EventType, digest},
};

// Blocked events are not due before the end of time, so the statement visits no more rows than it leases. In a subquery of
// `IN`, PostgreSQL may execute `LIMIT` more than once.
static LEASE_EVENTS: Sql = Sql::new(
    "WITH due AS MATERIALIZED (SELECT conversation_sid AS sid, event_number AS number FROM webhook_events \
     WHERE endpoint = $1 AND state = 'pending' AND next_attempt <= $2 ORDER BY next_attempt LIMIT $4 {skip_locked}) \
     UPDATE webhook_events SET next_attempt = $3 FROM due \
     WHERE endpoint = $1 AND conversation_sid = due.sid AND event_number = due.number \
     RETURNING conversation_sid, event_number, account_sid, event_type, message_sid, date_created, attempts, \
     next_attempt",
);
static FAILURES: Sql = Sql::new("SELECT failures FROM webhook_endpoints WHERE endpoint = $1");
static TAKE_PROBE: Sql =
    Sql::new("UPDATE webhook_endpoints SET next_probe = $3 WHERE endpoint = $1 AND next_probe <= $2");
static DELIVERED: Sql = Sql::new(
    "DELETE FROM webhook_events WHERE endpoint = $1 AND conversation_sid = $2 AND event_number = $3",
);
// Not if the lease expired and another sender has the event.
static FAILED: Sql = Sql::new(
    "UPDATE webhook_events SET attempts = attempts + 1, next_attempt = $6, state = $7, \
     blocks_until = CASE WHEN attempts = 0 THEN $5 ELSE blocks_until END \
     WHERE endpoint = $1 AND conversation_sid = $2 AND event_number = $3 AND next_attempt = $4 AND state = 'pending'",
);
static ENDPOINT_ANSWERS: Sql = Sql::new("DELETE FROM webhook_endpoints WHERE endpoint = $1");
static ENDPOINT_FAILED: Sql = Sql::new(
    "INSERT INTO webhook_endpoints (endpoint, failures, next_probe) VALUES ($1, 1, $2) \
     ON CONFLICT (endpoint) DO UPDATE SET failures = webhook_endpoints.failures + 1, next_probe = excluded.next_probe \
     RETURNING failures",
);
pub(crate) static STATEMENTS: &[&Sql] =
    &[&LEASE_EVENTS, &FAILURES, &TAKE_PROBE, &DELIVERED, &FAILED, &ENDPOINT_ANSWERS, &ENDPOINT_FAILED];

/// How long a sender has an event for itself. Longer than the deadline of an attempt.
pub const LEASE: Duration = Duration::from_secs(30);

/// After this many failures in a row, an endpoint gets single probes.
pub const MAX_FAILURES: i64 = 20;

/// Interval of these probes.
const PROBE_PERIOD: TimeDelta = TimeDelta::minutes(5);

/// How long later events of a conversation wait for one that fails.
const PATIENCE: TimeDelta = TimeDelta::minutes(5);

/// Delays after each failed attempt, in seconds. After one more the event has failed.
const DELAYS: [u32; 9] = [5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600];

/// The part of a delay that is random, to either side.
const JITTER: f64 = 0.2;

/// Upper bound of a delay that a receiver asks for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// An event that was leased to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where it is sent.
    pub endpoint: EndpointId,
    /// The account.
    pub account: AccountSid,
    /// The conversation.
    pub conversation: ConversationSid,
    /// The event's number in its conversation: `index` of the webhook's body.
    pub number: i64,
    /// What happened.
    pub event_type: EventType,
    /// The message that was added.
    pub message: Option<MessageSid>,
    /// When it happened.
    pub date_created: DateTime<Utc>,
    /// Failed attempts.
    pub attempts: i64,
    /// The end of the lease.
    pub leased_until: DateTime<Utc>,
}

/// When a failed attempt is repeated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Retry {
    /// By the schedule, but not before the receiver's `Retry-After`.
    Scheduled {
        /// Random, from 0 to 1.
        jitter: f64,
        /// The receiver's `Retry-After`, which counts up to 24 hours.
        retry_after: Option<Duration>,
    },
    /// Never: the receiver answered 410.
    Never,
}

/// What follows from a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptFailed {
    /// The date of the event's next attempt. `None` if the event has failed: it is kept, but not sent again.
    pub next_attempt: Option<DateTime<Utc>>,
    /// The endpoint's failures in a row.
    pub failures: i64,
}

impl Event {
    /// The `webhook-id`: the same at every attempt, and different for every event and endpoint.
    pub fn webhook_id(&self) -> String {
        let number = self.number.to_string();
        format!("msg_{}", digest(&[self.endpoint.as_str(), &self.conversation.to_string(), &number]))
    }

    pub(crate) fn of(endpoint: &EndpointId, row: Row<'_>) -> Result<Self, StoreError> {
        let message = row.get::<Option<&str>>("message_sid")?.map(str::parse).transpose();
        Ok(Self {
            endpoint: endpoint.clone(),
            account: row
                .get::<&str>("account_sid")?
                .parse()
                .map_err(|_| StoreError::Malformed("account sid"))?,
            conversation: conversation_sid(row.get("conversation_sid")?)?,
            number: row.get("event_number")?,
            event_type: EventType::of(row.get("event_type")?)?,
            message: message.map_err(|_| StoreError::Malformed("message sid"))?,
            date_created: date(row.get("date_created")?)?,
            attempts: row.get("attempts")?,
            leased_until: date(row.get("next_attempt")?)?,
        })
    }

    fn key(&self) -> [Value; 3] {
        [self.endpoint.as_str().into(), self.conversation.to_string().into(), self.number.into()]
    }
}

impl Conversations {
    /// Leases at most `limit` events that are due at an endpoint, the longest due first. No other caller gets them for
    /// [`LEASE`]. Of a conversation this is the earliest pending event, or a later one if those before it have failed for
    /// five minutes. After [`MAX_FAILURES`] in a row the endpoint gets one event every five minutes, from all replicas.
    pub async fn lease_events(
        &self,
        endpoint: &EndpointId,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, StoreError> {
        let now = now.trunc_subsecs(3);
        let (id, milliseconds) = (endpoint.as_str(), now.timestamp_millis());
        let found = self.database.read(FAILURES.with([id.into()])).await?;
        let failures = found.first().map_or(Ok(0), |row| row.get::<i64>("failures"))?;
        let lease = |limit: u32| {
            LEASE_EVENTS.with([
                id.into(),
                milliseconds.into(),
                (now + LEASE).timestamp_millis().into(),
                i64::from(limit).into(),
            ])
        };
        let statements = if failures < MAX_FAILURES {
            vec![lease(limit)]
        } else {
            let next_probe = (now + PROBE_PERIOD).timestamp_millis();
            let take_probe = TAKE_PROBE.with([id.into(), milliseconds.into(), next_probe.into()]);
            vec![take_probe, lease(limit.min(1)).if_rows()]
        };
        let outcomes = self.database.write_all(statements).await?;
        let leased = outcomes.last().into_iter().flat_map(|leased| leased.rows.iter());
        leased.map(|row| Event::of(endpoint, row)).collect()
    }

    /// Removes events that their receiver accepted, also after the lease ended. The next events of their conversations are
    /// due.
    pub async fn events_delivered(
        &self,
        endpoint: &EndpointId,
        events: &[Event],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut events: Vec<_> = events.iter().collect();
        // Replicas lock rows in one order.
        events.sort_by_key(|event| (event.conversation, event.number));
        let mut statements: Vec<Statement> = Vec::with_capacity(2 * events.len() + 1);
        for event in &events {
            statements.push(DELIVERED.with(event.key()));
            statements.push(promote(endpoint, event.conversation, now));
        }
        statements.push(ENDPOINT_ANSWERS.with([endpoint.as_str().into()]));
        let outcomes = self.database.write_all(statements).await?;
        let promoted = outcomes.iter().skip(1).step_by(2);
        let idle = events.iter().zip(promoted).filter(|(_, promoted)| promoted.affected == 0);
        self.promote_unseen(endpoint, idle.map(|(event, _)| event.conversation), now).await
    }

    /// Records a failed attempt. Does not change the event if its lease ended and it was leased again, accepted or erased.
    pub async fn event_attempt_failed(
        &self,
        event: &Event,
        retry: Retry,
        now: DateTime<Utc>,
    ) -> Result<AttemptFailed, StoreError> {
        let now = now.trunc_subsecs(3);
        let next = delay(event.attempts, retry).map(|delay| now + delay);
        let [endpoint, conversation, number] = event.key();
        let failed = FAILED.with([
            endpoint.clone(),
            conversation,
            number,
            event.leased_until.timestamp_millis().into(),
            (now + PATIENCE).timestamp_millis().into(),
            next.unwrap_or(now).timestamp_millis().into(),
            if next.is_some() { "pending" } else { "failed" }.into(),
        ]);
        let promoted = promote(&event.endpoint, event.conversation, now);
        let next_probe = (now + PROBE_PERIOD).timestamp_millis();
        let counted = ENDPOINT_FAILED.with([endpoint, next_probe.into()]);
        let [_, promoted, counted] = self.database.write([failed, promoted, counted]).await?;
        if promoted.affected == 0 && next.is_none() {
            self.promote_unseen(&event.endpoint, [event.conversation], now).await?;
        }
        let failures = counted.rows.first().map_or(Ok(0), |row| row.get("failures"))?;
        Ok(AttemptFailed { next_attempt: next.map(|next| next.trunc_subsecs(3)), failures })
    }
}

/// The delay after one more failure; `None` if it was the last attempt.
fn delay(earlier_failures: i64, retry: Retry) -> Option<Duration> {
    let Retry::Scheduled { jitter, retry_after } = retry else { return None };
    let scheduled = usize::try_from(earlier_failures).ok().and_then(|nth| DELAYS.get(nth))?;
    let factor = 1.0 - JITTER + 2.0 * JITTER * jitter.clamp(0.0, 1.0);
    let scheduled = Duration::from_secs_f64(f64::from(*scheduled) * factor);
    Some(scheduled.max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_follow_the_schedule_and_retry_after() {
        let after = |nth, jitter, retry_after: Option<u64>| {
            let retry_after = retry_after.map(Duration::from_secs);
            delay(nth, Retry::Scheduled { jitter, retry_after }).map(|delay| delay.as_secs_f64().round())
        };
        assert_eq!(after(0, 0.5, None), Some(5.0));
        assert_eq!([after(1, 0.0, None), after(1, 1.0, None)], [Some(240.0), Some(360.0)]);
        assert_eq!(after(8, 0.5, None), Some(86_400.0));
        assert_eq!(after(9, 0.5, Some(10)), None);
        assert_eq!([after(0, 0.5, Some(1)), after(0, 0.5, Some(70))], [Some(5.0), Some(70.0)]);
        assert_eq!(after(0, 0.5, Some(1_000_000)), Some(86_400.0));
        assert_eq!(delay(0, Retry::Never), None);
    }
}
