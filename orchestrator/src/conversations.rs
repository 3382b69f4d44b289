//! The conversations and their messages (contract, section 3), and the one interface to where they are kept. A
//! conversation belongs to an account and an identity: whoever asks with another one is told what he would be told of a
//! conversation that does not exist, for the price of the same one query.
//!
//! The statements and the schema are those that SQLite and PostgreSQL understand alike.

mod by_session;
mod retention;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::Value;
pub use service_runtime::database::OpenError;
use service_runtime::{
    Database,
    database::{Batch, BatchError, DatabaseConfig, Migrations},
};
use shared_types::{
    AccountSid, AddressSid, ConversationSid, Fingerprint, Identity, MessageSid, SessionId,
    orchestrator::list_messages::ChatMessage,
};
use sqlx::AnyConnection;

use self::by_session::BySession;

/// The tables.
pub const MIGRATIONS: Migrations = Migrations::new("orchestrator", || sqlx::migrate!());

/// The author of messages that no participant wrote.
pub const SYSTEM: &str = "system";

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone, Debug)]
pub struct Conversations {
    database: Database,
    by_session: Batch<BySession>,
}

/// A conversation that is to be opened. Time and random ids are the caller's.
#[derive(Clone)]
pub struct NewConversation<'a> {
    /// Whose conversation it is.
    pub account_sid: AccountSid,
    /// Where it arrives.
    pub address_sid: AddressSid,
    /// The session that it is of.
    pub session: SessionId,
    /// The guest of the session.
    pub identity: Identity,
    /// The guest's browser, with the feature on.
    pub fingerprint: Option<Fingerprint>,
    /// What the guest wants to be called.
    pub customer_friendly_name: Option<String>,
    /// What the guest filled into the pre-engagement form.
    pub pre_engagement_data: Option<Value>,
    /// Its sid, if the session has no conversation yet.
    pub conversation_sid: ConversationSid,
    /// The sid of the welcome message.
    pub message_sid: MessageSid,
    /// The text of the welcome message.
    pub welcome: &'a str,
    /// The time; kept to the millisecond.
    pub now: DateTime<Utc>,
}

/// Why the store did not do what it was asked. Nothing was changed, unless the failure is that of the answer itself.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is busy, full, gone or otherwise unable.
    #[error("the conversations' database failed")]
    Database(#[from] sqlx::Error),
    /// So it is for all that went together.
    #[error("the conversations' database failed")]
    Batch(#[from] BatchError),
    /// A row holds something that this service never writes.
    #[error("the conversations' database holds a malformed {0}")]
    Malformed(&'static str),
}

impl Conversations {
    /// Opens the store. In SQLite file, directory and tables are made where they are missing.
    pub async fn open(config: &DatabaseConfig) -> Result<Self, OpenError> {
        let database = Database::open(config, MIGRATIONS).await?;
        Ok(Self { by_session: Batch::new(BySession::new(database.clone())), database })
    }

    /// Opens the session's conversation, with the welcome message as its first, or finds the one that it has.
    ///
    /// Both rows are written in one transaction, so a conversation without its welcome message is never seen, not even
    /// after a crash or when the caller goes away half-way.
    pub async fn open_conversation(&self, new: NewConversation<'_>) -> Result<ConversationSid, StoreError> {
        Database::in_time(self.open_in_transaction(new)).await
    }

    async fn open_in_transaction(&self, new: NewConversation<'_>) -> Result<ConversationSid, StoreError> {
        let mut transaction = self.database.writer.begin().await?;
        let inserted = sqlx::query(
            "INSERT INTO conversations (sid, account_sid, address_sid, session_id, identity, \
             customer_friendly_name, pre_engagement_data, next_index, date_created, fingerprint, last_day) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10) \
             ON CONFLICT (account_sid, session_id) DO NOTHING",
        )
        .bind(new.conversation_sid.to_string())
        .bind(new.account_sid.to_string())
        .bind(new.address_sid.to_string())
        .bind(new.session.to_string())
        .bind(new.identity.to_string())
        .bind(new.customer_friendly_name)
        .bind(new.pre_engagement_data.map(|data| data.to_string()))
        .bind(new.now.timestamp_millis())
        .bind(new.fingerprint.as_ref().map(|fingerprint| fingerprint.preferred().as_str().to_owned()))
        .bind(day(new.now))
        .execute(&mut *transaction)
        .await?;
        if inserted.rows_affected() == 0 {
            let (sid,): (String,) =
                sqlx::query_as("SELECT sid FROM conversations WHERE account_sid = $1 AND session_id = $2")
                    .bind(new.account_sid.to_string())
                    .bind(new.session.to_string())
                    .fetch_one(&mut *transaction)
                    .await?;
            return conversation_sid(&sid);
        }
        let welcome = ChatMessage {
            sid: new.message_sid,
            index: 0,
            author: SYSTEM.to_owned(),
            body: new.welcome.to_owned(),
            date_created: new.now,
        };
        insert(&mut transaction, new.conversation_sid, &welcome).await?;
        transaction.commit().await?;
        Ok(new.conversation_sid)
    }

    /// The session's conversation, if it has one. Callers who come at once go together.
    pub async fn by_session(
        &self,
        account: AccountSid,
        session: SessionId,
    ) -> Result<Option<ConversationSid>, StoreError> {
        self.by_session.ask((account, session)).await?
    }

    /// The browser of the identity's last conversation, if it had one and the feature was on.
    pub async fn last_fingerprint(
        &self,
        account: AccountSid,
        identity: Identity,
    ) -> Result<Option<Fingerprint>, StoreError> {
        let row = sqlx::query_as(
            "SELECT fingerprint FROM conversations WHERE account_sid = $1 AND identity = $2 \
             ORDER BY date_created DESC LIMIT 1",
        )
        .bind(account.to_string())
        .bind(identity.to_string())
        .fetch_optional(&self.database.readers);
        let row: Option<(Option<String>,)> = Database::in_time(row).await?;
        Ok(row.and_then(|(fingerprint,)| fingerprint).and_then(Fingerprint::new))
    }

    /// At most `limit` messages, and at least one, in the order of their index; those after the index `after` alone,
    /// where it is given. `None`: there is no such conversation of this account and identity.
    pub async fn messages(
        &self,
        account: AccountSid,
        identity: Identity,
        conversation: ConversationSid,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Option<Vec<ChatMessage>>, StoreError> {
        // The join gives a conversation without such messages one row of its own, and a foreign one none: one query
        // tells the three cases apart, and takes as long for a foreign conversation as for none.
        let rows = sqlx::query_as(
            "SELECT m.sid, m.message_index, m.author, m.body, m.date_created FROM conversations c \
             LEFT JOIN messages m ON m.conversation_sid = c.sid AND m.message_index > $4 \
             WHERE c.sid = $1 AND c.account_sid = $2 AND c.identity = $3 \
             ORDER BY m.message_index LIMIT $5",
        )
        .bind(conversation.to_string())
        .bind(account.to_string())
        .bind(identity.to_string())
        .bind(after.map_or(-1, i64::from))
        .bind(i64::from(limit.max(1)))
        .fetch_all(&self.database.readers);
        let rows: Vec<Row> = Database::in_time(rows).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        rows.into_iter().filter_map(|row| message(row).transpose()).collect::<Result<_, _>>().map(Some)
    }

    /// Adds a message with the next index, and gives it back as [`messages`](Self::messages) will. `None`: there is no
    /// such conversation of this account and identity.
    #[allow(clippy::too_many_arguments, reason = "a message has as many parts")]
    pub async fn append(
        &self,
        account: AccountSid,
        identity: Identity,
        conversation: ConversationSid,
        sid: MessageSid,
        author: &str,
        body: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<ChatMessage>, StoreError> {
        let message = ChatMessage {
            sid,
            // Whatever it will be.
            index: 0,
            author: author.to_owned(),
            body: body.to_owned(),
            date_created: now.trunc_subsecs(3),
        };
        Database::in_time(self.append_in_transaction(account, identity, conversation, message)).await
    }

    async fn append_in_transaction(
        &self,
        account: AccountSid,
        identity: Identity,
        conversation: ConversationSid,
        mut message: ChatMessage,
    ) -> Result<Option<ChatMessage>, StoreError> {
        let mut transaction = self.database.writer.begin().await?;
        let index: Option<(i64,)> = sqlx::query_as(
            "UPDATE conversations SET next_index = next_index + 1, last_day = $4 \
             WHERE sid = $1 AND account_sid = $2 AND identity = $3 RETURNING next_index - 1",
        )
        .bind(conversation.to_string())
        .bind(account.to_string())
        .bind(identity.to_string())
        .bind(day(message.date_created))
        .fetch_optional(&mut *transaction)
        .await?;
        let Some((index,)) = index else { return Ok(None) };
        message.index = u32::try_from(index).map_err(|_| StoreError::Malformed("next_index"))?;
        insert(&mut transaction, conversation, &message).await?;
        transaction.commit().await?;
        Ok(Some(message))
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        // A bare SELECT 1 would not even look at the file.
        let row = sqlx::query("SELECT sid FROM conversations LIMIT 1").fetch_optional(&self.database.readers);
        Database::promptly(row).await?;
        Ok(())
    }

    /// Lets what is under way finish and closes the store, for all clones.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

async fn insert(
    connection: &mut AnyConnection,
    conversation: ConversationSid,
    message: &ChatMessage,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO messages (sid, conversation_sid, message_index, author, body, date_created) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(message.sid.to_string())
    .bind(conversation.to_string())
    .bind(i64::from(message.index))
    .bind(&message.author)
    .bind(&message.body)
    .bind(message.date_created.timestamp_millis())
    .execute(connection)
    .await
    .map(drop)
}

/// `sid, message_index, author, body, date_created`; all of them NULL where the conversation has no such message.
type Row = (Option<String>, Option<i64>, Option<String>, Option<String>, Option<i64>);

fn message(row: Row) -> Result<Option<ChatMessage>, StoreError> {
    let (Some(sid), Some(index), Some(author), Some(body), Some(date_created)) = row else { return Ok(None) };
    Ok(Some(ChatMessage {
        sid: sid.parse().map_err(|_| StoreError::Malformed("message sid"))?,
        index: u32::try_from(index).map_err(|_| StoreError::Malformed("message index"))?,
        author,
        body,
        date_created: DateTime::from_timestamp_millis(date_created).ok_or(StoreError::Malformed("date"))?,
    }))
}

/// The day of a time, in days since 1970.
fn day(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(24 * 3600)
}

fn conversation_sid(text: &str) -> Result<ConversationSid, StoreError> {
    text.parse().map_err(|_| StoreError::Malformed("conversation sid"))
}
