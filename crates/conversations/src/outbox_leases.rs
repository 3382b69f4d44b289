//! Leases webhook events to a sender, and records how their attempts ended. A lease is a date in the row, so no
//! transaction is open while a receiver answers, and the events of a stopped sender become due again.

use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use shared_types::{AccountSid, ConversationSid, MessageSid};
use store::{Row, Sql, Value};

use crate::{
    Conversations, StoreError, conversation_sid, date,
    subscriptions::{EndpointId, EventType, digest},
};

// An event waits for all earlier ones of its endpoint and conversation, except those that have failed for a while.
static LEASE_EVENTS: Sql = Sql::new(
    "UPDATE webhook_events SET next_attempt = $3 \
     WHERE endpoint = $1 AND state = 'pending' AND (conversation_sid, event_number) IN \
     (SELECT conversation_sid, event_number FROM webhook_events w WHERE endpoint = $1 AND state = 'pending' \
     AND next_attempt <= $2 AND NOT EXISTS (SELECT 1 FROM webhook_events earlier \
     WHERE earlier.endpoint = $1 AND earlier.conversation_sid = w.conversation_sid \
     AND earlier.event_number < w.event_number AND earlier.state = 'pending' \
     AND COALESCE(earlier.failing_since, $2) > $4) ORDER BY next_attempt LIMIT $5 {skip_locked}) \
     RETURNING conversation_sid, event_number, account_sid, event_type, message_sid, date_created, attempts, \
     next_attempt",
);
static DELIVERED: Sql = Sql::new(
    "DELETE FROM webhook_events WHERE endpoint = $1 AND conversation_sid = $2 AND event_number = $3",
);
// Not if the lease expired and another sender has the event.
static FAILED: Sql = Sql::new(
    "UPDATE webhook_events SET attempts = attempts + 1, failing_since = COALESCE(failing_since, $5), \
     next_attempt = $6, state = $7 \
     WHERE endpoint = $1 AND conversation_sid = $2 AND event_number = $3 AND next_attempt = $4 AND state = 'pending'",
);
pub(crate) static STATEMENTS: &[&Sql] = &[&LEASE_EVENTS, &DELIVERED, &FAILED];

/// How long a sender has an event for itself. Longer than the deadline of an attempt.
pub const LEASE: Duration = Duration::from_secs(30);

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

impl Event {
    /// The `webhook-id`: the same at every attempt, and different for every event and endpoint.
    pub fn webhook_id(&self) -> String {
        let number = self.number.to_string();
        format!("msg_{}", digest(&[self.endpoint.as_str(), &self.conversation.to_string(), &number]))
    }

    fn of(endpoint: &EndpointId, row: Row<'_>) -> Result<Self, StoreError> {
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
    /// [`LEASE`]. Of a conversation these are the earliest event, and later ones if all before them have failed for five
    /// minutes.
    pub async fn lease_events(
        &self,
        endpoint: &EndpointId,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<Event>, StoreError> {
        let now = now.trunc_subsecs(3);
        let lease = LEASE_EVENTS.with([
            endpoint.as_str().into(),
            now.timestamp_millis().into(),
            (now + LEASE).timestamp_millis().into(),
            (now - PATIENCE).timestamp_millis().into(),
            i64::from(limit).into(),
        ]);
        let [leased] = self.database.write([lease]).await?;
        leased.rows.iter().map(|row| Event::of(endpoint, row)).collect()
    }

    /// Removes an event that its receiver accepted, also after the lease ended.
    pub async fn event_delivered(&self, event: &Event) -> Result<(), StoreError> {
        self.database.write([DELIVERED.with(event.key())]).await?;
        Ok(())
    }

    /// Records a failed attempt. Returns the date of the next one, or `None` if the event has failed: it is kept, but not
    /// sent again. Changes nothing if the lease ended and the event was leased again, accepted or erased.
    pub async fn event_attempt_failed(
        &self,
        event: &Event,
        retry: Retry,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let now = now.trunc_subsecs(3);
        let next = delay(event.attempts, retry).map(|delay| now + delay);
        let [endpoint, conversation, number] = event.key();
        let failed = FAILED.with([
            endpoint,
            conversation,
            number,
            event.leased_until.timestamp_millis().into(),
            now.timestamp_millis().into(),
            next.unwrap_or(now).timestamp_millis().into(),
            if next.is_some() { "pending" } else { "failed" }.into(),
        ]);
        self.database.write([failed]).await?;
        Ok(next.map(|next| next.trunc_subsecs(3)))
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
