//! How old conversations go, bit by bit.

use std::time::Duration;

use chrono::{DateTime, Utc};
use service_runtime::{Database, database::PURGED_AT_ONCE};
use sqlx::AssertSqlSafe;

use super::{Conversations, StoreError, day};

impl Conversations {
    /// Removes some of the conversations whose last message is older than `retention` at `now`, to the day; how many
    /// rows that were, and 0 once none is left.
    ///
    /// A conversation becomes nobody's in one statement, which nobody can come between; from then on it is not found,
    /// and its messages go bit by bit, however many there are and whatever is interrupted.
    pub async fn purge(&self, retention: Duration, now: DateTime<Utc>) -> Result<u64, StoreError> {
        const DAY: u64 = 24 * 3600;
        let days = i64::try_from(retention.as_secs() / DAY).unwrap_or(i64::MAX);
        let skip_locked = self.database.skip_locked();
        let given_up = format!(
            "UPDATE conversations SET last_day = -1, identity = '', session_id = sid, fingerprint = NULL, \
             customer_friendly_name = NULL, pre_engagement_data = NULL WHERE last_day < $1 AND sid IN \
             (SELECT sid FROM conversations WHERE last_day >= 0 AND last_day < $1 LIMIT $2 {skip_locked})"
        );
        let messages = format!(
            "DELETE FROM messages WHERE sid IN (SELECT sid FROM messages WHERE conversation_sid IN \
             (SELECT sid FROM conversations WHERE last_day = -1) LIMIT $1 {skip_locked})"
        );
        let conversations = format!(
            "DELETE FROM conversations WHERE sid IN (SELECT sid FROM conversations c WHERE last_day = -1 \
             AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation_sid = c.sid) LIMIT $1 {skip_locked})"
        );
        let at_once = i64::from(PURGED_AT_ONCE);
        let given_up = sqlx::query(AssertSqlSafe(given_up)).bind(day(now).saturating_sub(days)).bind(at_once);
        let mut rows = 0;
        for statement in [
            given_up,
            sqlx::query(AssertSqlSafe(messages)).bind(at_once),
            sqlx::query(AssertSqlSafe(conversations)).bind(at_once),
        ] {
            let done = statement.execute(&self.database.writer);
            rows += Database::in_time(done).await?.rows_affected();
        }
        Ok(rows)
    }
}
