//! How old conversations go, bit by bit.

use std::time::Duration;

use chrono::{DateTime, Utc};
use store::{PURGE_BATCH_ROWS, Sql};

use super::{Conversations, StoreError, day};

static GIVE_UP: Sql = Sql::new(
    "UPDATE conversations SET last_day = -1, identity = '', session_id = sid, jkt = NULL, \
     customer_friendly_name = NULL, pre_engagement_data = NULL WHERE last_day < $1 AND sid IN \
     (SELECT sid FROM conversations WHERE last_day >= 0 AND last_day < $1 LIMIT $2 {skip_locked})",
);
static PURGES: [Sql; 2] = [
    Sql::new(
        "DELETE FROM messages WHERE sid IN (SELECT sid FROM messages WHERE conversation_sid IN \
         (SELECT sid FROM conversations WHERE last_day = -1) LIMIT $1 {skip_locked})",
    ),
    Sql::new(
        "DELETE FROM conversations WHERE sid IN (SELECT sid FROM conversations c WHERE last_day = -1 \
         AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation_sid = c.sid) LIMIT $1 {skip_locked})",
    ),
];

impl Conversations {
    /// Removes some of the conversations whose last message is older than `retention` at `now`, to the day; how many
    /// rows that were, and 0 once none is left.
    ///
    /// A conversation becomes nobody's in one statement, which nobody can come between; from then on it is not found,
    /// and its messages go bit by bit, however many there are and whatever is interrupted.
    pub async fn purge(&self, retention: Duration, now: DateTime<Utc>) -> Result<u64, StoreError> {
        const DAY: u64 = 24 * 3600;
        let days = i64::try_from(retention.as_secs() / DAY).unwrap_or(i64::MAX);
        let at_once = i64::from(PURGE_BATCH_ROWS);
        let give_up = GIVE_UP.with([day(now).saturating_sub(days).into(), at_once.into()]);
        let [first, second] = PURGES.each_ref().map(|purge| purge.with([at_once.into()]));
        let mut rows = 0;
        for statement in [give_up, first, second] {
            let [purged] = self.database.write([statement]).await?;
            rows += purged.affected;
        }
        Ok(rows)
    }
}
