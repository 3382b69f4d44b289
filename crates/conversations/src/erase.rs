//! Erases messages and conversations (contract, section 11). Nothing of their texts stays in the database: SQLite overwrites
//! deleted rows and its write-ahead log is truncated; PostgreSQL is vacuumed.

use chrono::{DateTime, Utc};
use shared_types::{AccountSid, ConversationSid, Identity, MessageSid};
use store::{Idempotency, Sql};

use crate::{
    Conversations, StoreError, conversation_sid, outbox::delete_events, records::MessageRecord,
    scrub::Scrubber, subscriptions::EventType,
};

static MESSAGE: Sql = Sql::new(
    "UPDATE messages SET body = '', attributes = NULL, desk_bytes = $4, date_updated = $5 \
     WHERE sid = $3 AND conversation_sid = (SELECT sid FROM conversations WHERE sid = $1 AND account_sid = $2)",
);
// Locks the row, so that a message that is being appended is either seen by the next statement or finds no conversation.
static LOCK: Sql = Sql::new(
    "UPDATE conversations SET state = 'closed', next_event = next_event + $3 WHERE sid = $1 AND account_sid = $2",
);
static MESSAGES: Sql = Sql::new(
    "DELETE FROM messages WHERE conversation_sid = (SELECT sid FROM conversations WHERE sid = $1 AND account_sid = $2)",
);
static CONVERSATION: Sql = Sql::new("DELETE FROM conversations WHERE sid = $1 AND account_sid = $2");
static OF_GUEST: Sql =
    Sql::new("SELECT sid FROM conversations WHERE account_sid = $1 AND identity = $2 LIMIT 100");
pub(crate) static STATEMENTS: &[&Sql] = &[&MESSAGE, &LOCK, &MESSAGES, &CONVERSATION, &OF_GUEST];

impl Conversations {
    /// Erases the text and attributes of a message. It stays in lists with its index, side, author and date. `false` if
    /// the account has no such message.
    pub async fn erase_message(
        &self,
        account: AccountSid,
        conversation: ConversationSid,
        message: MessageSid,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let Some(found) = self.message(account, conversation, message).await? else { return Ok(false) };
        let left = MessageRecord { body: String::new(), attributes: None, ..found };
        let [erased] = self
            .database
            .write([MESSAGE.with([
                conversation.to_string().into(),
                account.to_string().into(),
                message.to_string().into(),
                left.desk_bytes()?.into(),
                now.timestamp_millis().into(),
            ])])
            .await?;
        self.scrubber.run(&self.database).await;
        Ok(erased.affected > 0)
    }

    /// Erases a conversation with its messages. `false` if the account has no such conversation.
    pub async fn erase_conversation(
        &self,
        account: AccountSid,
        conversation: ConversationSid,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let is_erased = self.delete_conversation(account, conversation, now).await?;
        if is_erased {
            self.scrubber.run(&self.database).await;
        }
        Ok(is_erased)
    }

    /// Erases all conversations of a guest, after recording the guest as erased. Returns the number of conversations, and
    /// whether nothing is left in the database's files.
    pub async fn erase_guest(
        &self,
        account: AccountSid,
        identity: Identity,
        now: DateTime<Utc>,
    ) -> Result<(u64, bool), StoreError> {
        self.note_erased_guest(account, identity, now).await?;
        let mut erased = 0;
        loop {
            let find = OF_GUEST.with([account.to_string().into(), identity.to_string().into()]);
            let rows = self.database.read(find).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows.iter() {
                let conversation = conversation_sid(row.get("sid")?)?;
                erased += u64::from(self.delete_conversation(account, conversation, now).await?);
            }
        }
        Ok((erased, Scrubber::run_now(&self.database).await))
    }

    pub(crate) async fn delete_conversation(
        &self,
        account: AccountSid,
        conversation: ConversationSid,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let (text, account_sid) = (conversation.to_string(), account.to_string());
        let of = |sql: &'static Sql| sql.with([text.as_str().into(), account_sid.as_str().into()]);
        let event = EventType::ConversationErased;
        let numbers = self.subscriptions.numbers(event);
        let lock = LOCK.with([text.as_str().into(), account_sid.as_str().into(), numbers.into()]);
        let mut statements = vec![lock, of(&MESSAGES), delete_events(account, conversation)];
        statements.extend(self.reported(account, conversation, now).insert(event, None, 1));
        statements.push(of(&CONVERSATION));
        let outcomes = self.write_change(conversation, Idempotency::AtMostOnce, statements).await?;
        Ok(outcomes.last().is_some_and(|deleted| deleted.affected > 0))
    }
}
