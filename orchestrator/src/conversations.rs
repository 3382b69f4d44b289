//! The conversations and their messages (contract, section 3), and the one interface to where they are kept. A
//! conversation belongs to an account and an identity: whoever asks with another one is told what he would be told of a
//! conversation that does not exist, for the price of the same one query.
//!
//! The statements and the schema are those that SQLite and PostgreSQL understand alike.

mod by_session;
mod last_session;
mod pages;
mod retention;

use chrono::{DateTime, SubsecRound as _, Utc};
use shared_types::{
    AccountSid, AddressSid, ConversationSid, DeploymentKey, Identity, MessageSid, SessionId, Thumbprint,
    orchestrator::{list_messages::ChatMessage, send_message::MAX_BODY},
    scoped_auth::generate::EarlierSession,
};
pub use store::OpenError;
use store::{Batcher, Database, DatabaseConfig, DatabaseError, Migrations, Sql, Value};

pub use self::last_session::LastSession;
use self::{
    by_session::{BY_SESSION, BySession},
    pages::encoded_bytes,
};

/// The tables.
pub const MIGRATIONS: Migrations = Migrations::new("orchestrator", || sqlx::migrate!());

/// The author of messages that no participant wrote.
pub const SYSTEM: &str = "system";

/// How many messages of its guest a conversation holds at most.
pub const MAX_GUEST_MESSAGES: i64 = 2000;

/// How many bytes its guest's texts, form and name have at most.
pub const MAX_GUEST_BYTES: i64 = 1024 * 1024;

/// A conversation with more is full: it may have no room for the longest text. So whether it is full does not depend on
/// the text that the guest is about to send.
const FULL_ABOVE: i64 = MAX_GUEST_BYTES - MAX_BODY as i64;

// Of several that open a session's next conversation at once, one takes its number.
static OPEN: Sql = Sql::new(
    "INSERT INTO conversations (sid, account_sid, deployment_key, address_sid, session_id, session_number, auth_time, jkt, \
     identity, customer_friendly_name, pre_engagement_data, next_index, guest_messages, guest_bytes, encoded_bytes, \
     date_created, last_day) SELECT $1, $2, $3, $4, $5, (SELECT COALESCE(MAX(session_number), 0) + 1 FROM conversations \
     WHERE account_sid = $2 AND session_id = $5), $6, $7, $8, $9, $10, 1, 0, $11, $16, $12, $13 \
     WHERE NOT EXISTS (SELECT 1 FROM conversations WHERE account_sid = $2 AND session_id = $5 \
     AND guest_messages < $14 AND guest_bytes <= $15) \
     ON CONFLICT (account_sid, session_id, session_number) DO NOTHING",
);

static WELCOME: Sql = Sql::new(
    "INSERT INTO messages (sid, conversation_sid, message_index, encoded_end, author, date_created, body) \
     VALUES ($1, $2, 0, $3, $4, $5, $6)",
);

// The UPDATE locks the conversation's row, so that its messages are numbered without gaps.
static TAKE_INDEX: Sql = Sql::new(
    "UPDATE conversations SET next_index = next_index + 1, guest_messages = guest_messages + 1, \
     guest_bytes = guest_bytes + $4, encoded_bytes = encoded_bytes + $8, last_day = $5 \
     WHERE sid = $1 AND account_sid = $2 AND identity = $3 AND guest_messages < $6 AND guest_bytes <= $7 \
     RETURNING next_index - 1",
);
static SAY: Sql = Sql::new(
    "INSERT INTO messages (sid, conversation_sid, message_index, encoded_end, author, date_created, body) \
     SELECT $1, sid, next_index - 1, encoded_bytes, $3, $4, $5 FROM conversations WHERE sid = $2",
);
static OWN: Sql =
    Sql::new("SELECT sid FROM conversations WHERE sid = $1 AND account_sid = $2 AND identity = $3");

// A bare SELECT 1 would not even look at the file.
static PING: Sql = Sql::new("SELECT sid FROM conversations LIMIT 1");

/// The store. Cheap to clone; all clones are one store.
#[derive(Clone, Debug)]
pub struct Conversations {
    database: Database,
    /// With PostgreSQL.
    by_session: Option<Batcher<BySession>>,
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
    /// The conversation holds as much of its guest as it may.
    #[error("the conversation is full")]
    Full,
}

impl Conversations {
    /// Opens the store. In SQLite file, directory and tables are made where they are missing.
    pub async fn open(config: &DatabaseConfig) -> Result<Self, OpenError> {
        let database = Database::open(config, MIGRATIONS).await?;
        let by_session = database.postgres().map(|pool| Batcher::new(BySession::new(pool.clone())));
        Ok(Self { database, by_session })
    }

    /// Opens a conversation of the session, with the welcome message as its first, or finds the one that it has and that
    /// is not full.
    ///
    /// Both rows are written in one transaction, so a conversation without its welcome message is never seen, not even
    /// after a crash or when the caller goes away half-way.
    pub async fn open_conversation(&self, new: NewConversation<'_>) -> Result<ConversationSid, StoreError> {
        let now = new.now.trunc_subsecs(3);
        let [sid, account, session] =
            [new.conversation_sid.to_string(), new.account_sid.to_string(), new.session.sid.to_string()];
        let filled_in = [&new.customer_friendly_name, &new.pre_engagement_data];
        let guest_bytes = filled_in.into_iter().flatten().map(String::len).sum();
        let (author, body) = (SYSTEM.to_owned(), new.welcome.to_owned());
        let welcome = ChatMessage { sid: new.message_sid, index: 0, author, body, date_created: now };
        let encoded_bytes = encoded_bytes(&welcome)?;
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
            length(guest_bytes).into(),
            now.timestamp_millis().into(),
            day(now).into(),
            MAX_GUEST_MESSAGES.into(),
            FULL_ABOVE.into(),
            encoded_bytes.into(),
        ]);
        let welcome = WELCOME.with([
            welcome.sid.to_string().into(),
            sid.into(),
            encoded_bytes.into(),
            welcome.author.into(),
            now.timestamp_millis().into(),
            welcome.body.into(),
        ]);
        let find = BY_SESSION.with([account.into(), session.into()]);
        let [opened, _, found] = self.database.write([open, welcome.if_rows(), find.if_no_rows()]).await?;
        if opened.affected > 0 {
            return Ok(new.conversation_sid);
        }
        conversation_sid(found.rows.first().ok_or(StoreError::Malformed("conversation"))?.get(0)?)
    }

    /// The session's newest conversation, if it has one. In PostgreSQL concurrent callers share one statement.
    pub async fn by_session(
        &self,
        account: AccountSid,
        session: SessionId,
    ) -> Result<Option<ConversationSid>, StoreError> {
        if let Some(by_session) = &self.by_session {
            return by_session.submit((account, session)).await?;
        }
        let look = BY_SESSION.with([account.to_string().into(), session.to_string().into()]);
        let rows = self.database.read(look).await?;
        rows.first().map(|row| conversation_sid(row.get(0)?)).transpose()
    }

    /// Adds a message of the guest with the next index, and returns it as [`messages`](Self::messages) will. `None`:
    /// there is no such conversation of this account and identity. A conversation that is full is an error.
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
        let (author, body) = (author.to_owned(), body.to_owned());
        // Its index is not known yet: it is counted as long as the longest.
        let mut message = ChatMessage { sid, index: u32::MAX, author, body, date_created: now };
        let owner = [conversation.to_string(), account.to_string(), identity.to_string()];
        let [its_sid, its_account, its_identity] = owner.each_ref().map(|part| part.as_str().into());
        let take_index = TAKE_INDEX.with([
            its_sid,
            its_account,
            its_identity,
            length(message.body.len()).into(),
            day(now).into(),
            MAX_GUEST_MESSAGES.into(),
            FULL_ABOVE.into(),
            encoded_bytes(&message)?.into(),
        ]);
        let [its_sid, its_account, its_identity] = owner.map(Value::from);
        let say = SAY.with([
            sid.to_string().into(),
            its_sid.clone(),
            message.author.as_str().into(),
            now.timestamp_millis().into(),
            message.body.as_str().into(),
        ]);
        let own = OWN.with([its_sid, its_account, its_identity]);
        let [taken, _, own] = self.database.write([take_index, say.if_rows(), own.if_no_rows()]).await?;
        let Some(index) = taken.rows.first() else {
            return if own.rows.is_empty() { Ok(None) } else { Err(StoreError::Full) };
        };
        message.index =
            u32::try_from(index.get::<i64>(0)?).map_err(|_| StoreError::Malformed("next_index"))?;
        Ok(Some(message))
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

fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The day of a time, in days since 1970.
fn day(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(24 * 3600)
}

fn conversation_sid(text: &str) -> Result<ConversationSid, StoreError> {
    text.parse().map_err(|_| StoreError::Malformed("conversation sid"))
}
