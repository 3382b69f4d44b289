//! The conversations and their messages (contract, section 3), and the one interface to where they are kept. A
//! conversation belongs to an account and an identity: whoever asks with another one is told what he would be told of a
//! conversation that does not exist, for the price of the same one query.
//!
//! The statements and the schema are those that SQLite and PostgreSQL understand alike.

mod by_session;
mod last_session;
mod retention;

use chrono::{DateTime, SubsecRound as _, Utc};
pub use service_runtime::database::OpenError;
use service_runtime::{
    Database,
    database::{Batch, DatabaseConfig, DatabaseError, Migrations, Row, Sql},
};
use shared_types::{
    AccountSid, AddressSid, ConversationSid, DeploymentKey, Identity, MessageSid, SessionId, Thumbprint,
    orchestrator::list_messages::ChatMessage, scoped_auth::generate::EarlierSession,
};

use self::by_session::{BY_SESSION, BySession};
pub use self::last_session::LastSession;

/// The tables.
pub const MIGRATIONS: Migrations = Migrations::new("orchestrator", || sqlx::migrate!());

/// The author of messages that no participant wrote.
pub const SYSTEM: &str = "system";

static OPEN: Sql = Sql::new(
    "INSERT INTO conversations (sid, account_sid, deployment_key, address_sid, session_id, auth_time, jkt, identity, \
     customer_friendly_name, pre_engagement_data, next_index, date_created, last_day) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12) ON CONFLICT (account_sid, session_id) DO NOTHING",
);

// Where the conversation was opened just now, by the sid that nobody else has.
static WELCOME: Sql = Sql::new(
    "INSERT INTO messages (sid, conversation_sid, message_index, author, body, date_created) \
     SELECT $1, sid, 0, $3, $4, $5 FROM conversations WHERE sid = $2",
);

// The row waits for whoever else writes to it until these are committed.
static TAKE_INDEX: Sql = Sql::new(
    "UPDATE conversations SET next_index = next_index + 1, last_day = $4 \
     WHERE sid = $1 AND account_sid = $2 AND identity = $3 RETURNING next_index - 1",
);
static SAY: Sql = Sql::new(
    "INSERT INTO messages (sid, conversation_sid, message_index, author, body, date_created) \
     SELECT $1, sid, next_index - 1, $5, $6, $7 FROM conversations \
     WHERE sid = $2 AND account_sid = $3 AND identity = $4",
);

// The join gives a conversation without such messages one row of its own, and a foreign one none: one query tells the
// three cases apart, and takes as long for a foreign conversation as for none.
static MESSAGES: Sql = Sql::new(
    "SELECT m.sid, m.message_index, m.author, m.body, m.date_created FROM conversations c \
     LEFT JOIN messages m ON m.conversation_sid = c.sid AND m.message_index > $4 \
     WHERE c.sid = $1 AND c.account_sid = $2 AND c.identity = $3 ORDER BY m.message_index LIMIT $5",
);

// A bare SELECT 1 would not even look at the file.
static PING: Sql = Sql::new("SELECT sid FROM conversations LIMIT 1");

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone, Debug)]
pub struct Conversations {
    database: Database,
    /// With PostgreSQL.
    by_session: Option<Batch<BySession>>,
}

/// A conversation that is to be opened. Time and random ids are the caller's.
#[derive(Clone)]
pub struct NewConversation<'a> {
    /// Whose conversation it is.
    pub account_sid: AccountSid,
    /// The deployment that the guest came through.
    pub deployment_key: DeploymentKey,
    /// Where it arrives.
    pub address_sid: AddressSid,
    /// The session that it is of.
    pub session: EarlierSession,
    /// The proof key that the session is bound to.
    pub jkt: Option<Thumbprint>,
    /// The guest of the session.
    pub identity: Identity,
    /// What the guest wants to be called.
    pub customer_friendly_name: Option<String>,
    /// What the guest filled into the pre-engagement form: JSON.
    pub pre_engagement_data: Option<String>,
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
    Database(#[from] DatabaseError),
    /// A row holds something that this service never writes.
    #[error("the conversations' database holds a malformed {0}")]
    Malformed(&'static str),
}

impl Conversations {
    /// Opens the store. In SQLite file, directory and tables are made where they are missing.
    pub async fn open(config: &DatabaseConfig) -> Result<Self, OpenError> {
        let database = Database::open(config, MIGRATIONS).await?;
        let by_session = database.postgres().map(|pool| Batch::new(BySession::new(pool.clone())));
        Ok(Self { database, by_session })
    }

    /// Opens the session's conversation, with the welcome message as its first, or finds the one that it has.
    ///
    /// Both rows are written in one transaction, so a conversation without its welcome message is never seen, not even
    /// after a crash or when the caller goes away half-way.
    pub async fn open_conversation(&self, new: NewConversation<'_>) -> Result<ConversationSid, StoreError> {
        let [sid, account, session] =
            [new.conversation_sid.to_string(), new.account_sid.to_string(), new.session.sid.to_string()];
        let open = OPEN.with([
            sid.as_str().into(),
            account.as_str().into(),
            new.deployment_key.to_string().into(),
            new.address_sid.to_string().into(),
            session.as_str().into(),
            new.session.auth_time.timestamp_millis().into(),
            new.jkt.map(|jkt| jkt.to_string()).into(),
            new.identity.to_string().into(),
            new.customer_friendly_name.into(),
            new.pre_engagement_data.into(),
            new.now.timestamp_millis().into(),
            day(new.now).into(),
        ]);
        let welcome = WELCOME.with([
            new.message_sid.to_string().into(),
            sid.into(),
            SYSTEM.into(),
            new.welcome.into(),
            new.now.timestamp_millis().into(),
        ]);
        let find = BY_SESSION.with([account.into(), session.into()]).otherwise();
        let [_, welcomed, found] = self.database.write([open, welcome, find]).await?;
        if welcomed.affected > 0 {
            return Ok(new.conversation_sid);
        }
        conversation_sid(found.rows.first().ok_or(StoreError::Malformed("conversation"))?.get(0)?)
    }

    /// The session's conversation, if it has one. In PostgreSQL callers who come at once go together.
    pub async fn by_session(
        &self,
        account: AccountSid,
        session: SessionId,
    ) -> Result<Option<ConversationSid>, StoreError> {
        if let Some(by_session) = &self.by_session {
            return by_session.ask((account, session)).await?;
        }
        let look = BY_SESSION.with([account.to_string().into(), session.to_string().into()]);
        let rows = self.database.read(look).await?;
        rows.first().map(|row| conversation_sid(row.get(0)?)).transpose()
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
        let rows = self.database.read(MESSAGES.with([
            conversation.to_string().into(),
            account.to_string().into(),
            identity.to_string().into(),
            after.map_or(-1, i64::from).into(),
            i64::from(limit.max(1)).into(),
        ]));
        let rows = rows.await?;
        if rows.is_empty() {
            return Ok(None);
        }
        rows.iter().filter_map(|row| message(row).transpose()).collect::<Result<_, _>>().map(Some)
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
        let now = now.trunc_subsecs(3);
        let owner = [conversation.to_string(), account.to_string(), identity.to_string()];
        let [its_sid, its_account, its_identity] = owner.each_ref().map(|part| part.as_str().into());
        let take_index = TAKE_INDEX.with([its_sid, its_account, its_identity, day(now).into()]);
        let [its_sid, its_account, its_identity] = owner.map(Into::into);
        let say = SAY.with([
            sid.to_string().into(),
            its_sid,
            its_account,
            its_identity,
            author.into(),
            body.into(),
            now.timestamp_millis().into(),
        ]);
        let [taken, _] = self.database.write([take_index, say]).await?;
        let Some(index) = taken.rows.first() else { return Ok(None) };
        let index = u32::try_from(index.get::<i64>(0)?).map_err(|_| StoreError::Malformed("next_index"))?;
        let (author, body) = (author.to_owned(), body.to_owned());
        Ok(Some(ChatMessage { sid, index, author, body, date_created: now }))
    }

    /// Whether the store answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database.ping(PING.with([])).await?;
        Ok(())
    }

    /// Lets what is under way finish and closes the store, for all clones.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

/// `sid, message_index, author, body, date_created`; all of them NULL where the conversation has no such message.
fn message(row: Row<'_>) -> Result<Option<ChatMessage>, StoreError> {
    let Some(sid) = row.get::<Option<&str>>(0)? else { return Ok(None) };
    Ok(Some(ChatMessage {
        sid: sid.parse().map_err(|_| StoreError::Malformed("message sid"))?,
        index: u32::try_from(row.get::<i64>(1)?).map_err(|_| StoreError::Malformed("message index"))?,
        author: row.get::<&str>(2)?.to_owned(),
        body: row.get::<&str>(3)?.to_owned(),
        date_created: DateTime::from_timestamp_millis(row.get(4)?).ok_or(StoreError::Malformed("date"))?,
    }))
}

/// The day of a time, in days since 1970.
fn day(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(24 * 3600)
}

fn conversation_sid(text: &str) -> Result<ConversationSid, StoreError> {
    text.parse().map_err(|_| StoreError::Malformed("conversation sid"))
}
