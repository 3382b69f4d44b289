//! Retention: removes old conversations in bounded steps.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shared_types::AccountSid;
use store::{PURGE_BATCH_ROWS, Sql};

use crate::{Conversations, StoreError, conversation_sid, day};

// The next account in the order of the indexes, so that finding all accounts does not visit all conversations.
static NEXT_ACCOUNT: Sql = Sql::new(
    "SELECT MIN(account_sid) AS account_sid FROM \
     (SELECT (SELECT MIN(account_sid) FROM conversations WHERE account_sid > $1) AS account_sid \
     UNION ALL SELECT (SELECT MIN(account_sid) FROM erased_guests WHERE account_sid > $1)) AS nearest",
);
static MARK_EXPIRED: Sql = Sql::new(
    "UPDATE conversations SET last_day = -1, account_sid = '', identity = '', session_id = sid, jkt = NULL, \
     customer_friendly_name = NULL, pre_engagement_data = NULL, friendly_name = NULL, attributes = NULL WHERE sid IN \
     (SELECT sid FROM conversations WHERE account_sid = $1 AND last_day < $2 LIMIT $3 {skip_locked})",
);
// A conversation that was being opened while its guest was erased.
static OF_ERASED: Sql = Sql::new(
    "SELECT c.sid FROM erased_guests e CROSS JOIN conversations c WHERE e.account_sid = $1 \
     AND c.account_sid = e.account_sid AND c.identity = e.identity LIMIT $2",
);
static FORGET_ERASED: Sql = Sql::new("DELETE FROM erased_guests WHERE account_sid = $1 AND date_erased < $2");
static DELETIONS: [Sql; 2] = [
    Sql::new(
        "DELETE FROM messages WHERE sid IN (SELECT sid FROM messages WHERE conversation_sid IN \
         (SELECT sid FROM conversations WHERE account_sid = '') LIMIT $1 {skip_locked})",
    ),
    Sql::new(
        "DELETE FROM conversations WHERE sid IN (SELECT sid FROM conversations c WHERE account_sid = '' \
         AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation_sid = c.sid) LIMIT $1 {skip_locked})",
    ),
];

pub(crate) fn statements() -> impl Iterator<Item = &'static Sql> {
    [&NEXT_ACCOUNT, &MARK_EXPIRED, &OF_ERASED, &FORGET_ERASED].into_iter().chain(&DELETIONS)
}

impl Conversations {
    /// Removes some of the conversations whose last message is older than the account's retention at `now`, rounded to
    /// days. Returns the number of rows changed; 0 when nothing is left to remove.
    ///
    /// One atomic statement detaches a conversation from its account and identity; from then on lookups do not find it.
    /// Its messages are then deleted in batches, which an interruption only delays.
    pub async fn purge(
        &self,
        retention: impl Fn(AccountSid) -> Duration,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let mut rows = 0;
        let mut before = String::new();
        loop {
            let found = self.database.read(NEXT_ACCOUNT.with([before.as_str().into()])).await?;
            let next = found.first().map_or(Ok(None), |row| row.get::<Option<&str>>("account_sid"))?;
            let Some(next) = next else { break };
            before = next.to_owned();
            let account = before.parse().map_err(|_| StoreError::Malformed("account sid"))?;
            rows += self.purge_account(account, retention(account), now).await?;
        }
        for deletion in &DELETIONS {
            let [purged] = self.database.write([deletion.with([i64::from(PURGE_BATCH_ROWS).into()])]).await?;
            rows += purged.affected;
        }
        Ok(rows)
    }

    async fn purge_account(
        &self,
        account: AccountSid,
        retention: Duration,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        const DAY: u64 = 24 * 3600;
        let days = i64::try_from(retention.as_secs() / DAY).unwrap_or(i64::MAX);
        let at_once = i64::from(PURGE_BATCH_ROWS);
        let mut rows = self.purge_erased(account, at_once, now).await?;
        let account = account.to_string();
        let oldest =
            TimeDelta::from_std(retention).ok().and_then(|retention| now.checked_sub_signed(retention));
        let oldest = oldest.map_or(0, |oldest| oldest.timestamp_millis());
        for statement in [
            MARK_EXPIRED.with([
                account.as_str().into(),
                day(now).saturating_sub(days).into(),
                at_once.into(),
            ]),
            FORGET_ERASED.with([account.as_str().into(), oldest.into()]),
        ] {
            let [purged] = self.database.write([statement]).await?;
            rows += purged.affected;
        }
        Ok(rows)
    }

    /// Erases conversations of erased guests.
    async fn purge_erased(
        &self,
        account: AccountSid,
        at_once: i64,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let found = self.database.read(OF_ERASED.with([account.to_string().into(), at_once.into()])).await?;
        let mut rows = 0;
        for row in found.iter() {
            let conversation = conversation_sid(row.get("sid")?)?;
            rows += u64::from(self.delete_conversation(account, conversation, now).await?);
        }
        if rows > 0 {
            self.scrubber.run(&self.database).await;
        }
        Ok(rows)
    }
}
