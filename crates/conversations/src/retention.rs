//! Retention: removes old conversations in bounded steps.

use std::time::Duration;

use chrono::{DateTime, Utc};
use store::{PURGE_BATCH_ROWS, Sql};

use crate::{Conversations, StoreError, day};

static MARK_EXPIRED: Sql = Sql::new(
    "UPDATE conversations SET last_day = -1, identity = '', session_id = sid, jkt = NULL, \
     customer_friendly_name = NULL, pre_engagement_data = NULL WHERE last_day < $1 AND sid IN \
     (SELECT sid FROM conversations WHERE last_day >= 0 AND last_day < $1 LIMIT $2 {skip_locked})",
);
static DELETIONS: [Sql; 2] = [
    Sql::new(
        "DELETE FROM messages WHERE sid IN (SELECT sid FROM messages WHERE conversation_sid IN \
         (SELECT sid FROM conversations WHERE last_day = -1) LIMIT $1 {skip_locked})",
    ),
    Sql::new(
        "DELETE FROM conversations WHERE sid IN (SELECT sid FROM conversations c WHERE last_day = -1 \
         AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation_sid = c.sid) LIMIT $1 {skip_locked})",
    ),
];

pub(crate) fn statements() -> impl Iterator<Item = &'static Sql> {
    std::iter::once(&MARK_EXPIRED).chain(&DELETIONS)
}

impl Conversations {
    /// Removes some of the conversations whose last message is older than `retention` at `now`, rounded to days. Returns
    /// the number of rows changed; 0 when nothing is left to remove.
    ///
    /// One atomic statement detaches a conversation from its identity; from then on lookups do not find it. Its messages
    /// are then deleted in batches, which an interruption only delays.
    pub async fn purge(&self, retention: Duration, now: DateTime<Utc>) -> Result<u64, StoreError> {
        const DAY: u64 = 24 * 3600;
        let days = i64::try_from(retention.as_secs() / DAY).unwrap_or(i64::MAX);
        let at_once = i64::from(PURGE_BATCH_ROWS);
        let mark_expired = MARK_EXPIRED.with([day(now).saturating_sub(days).into(), at_once.into()]);
        let [first, second] = DELETIONS.each_ref().map(|deletion| deletion.with([at_once.into()]));
        let mut rows = 0;
        for statement in [mark_expired, first, second] {
            let [purged] = self.database.write([statement]).await?;
            rows += purged.affected;
        }
        Ok(rows)
    }
}
