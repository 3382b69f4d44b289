//! Appends a message of the guest or of the desk to a conversation.

use chrono::{DateTime, SubsecRound as _, Utc};
use shared_types::{
    AccountSid, ConversationSid, Identity, MessageSid, desk::Side, orchestrator::list_messages::ChatMessage,
};
use store::{Idempotency, Outcome, Sql, Statement, Value};

use crate::{
    Conversations, FULL_ABOVE, IdempotencyKey, MAX_GUEST_MESSAGES, StoreError, day, length,
    pages::encoded_bytes,
    records::{MessageRecord, index, message_columns},
    subscriptions::EventType,
};

// The UPDATE locks the conversation's row, so its message indexes have no gaps.
macro_rules! take_index_of_guest {
    () => {
        "UPDATE conversations SET next_index = next_index + 1, guest_messages = guest_messages + 1, \
         guest_bytes = guest_bytes + $4, encoded_bytes = encoded_bytes + $8, last_day = $5, date_updated = $9, \
         next_event = next_event + $10 WHERE sid = $1 AND account_sid = $2 AND identity = $3 AND state = 'active' \
         AND guest_messages < $6 AND guest_bytes <= $7 RETURNING sid, next_index - 1 AS message_index, encoded_bytes"
    };
}
macro_rules! take_index_of_desk {
    () => {
        "UPDATE conversations SET next_index = next_index + 1, encoded_bytes = encoded_bytes + $3, last_day = $4, \
         date_updated = $5, next_event = next_event + $6 WHERE sid = $1 AND account_sid = $2 AND state = 'active' \
         RETURNING sid, next_index - 1 AS message_index, encoded_bytes"
    };
}
macro_rules! insert {
    () => {
        "INSERT INTO messages (conversation_sid, message_index, encoded_end, sid, desk_bytes, side, author, \
         idempotency_key, date_created, date_updated, attributes, body) "
    };
}
static TAKE_INDEX_OF_GUEST: Sql = Sql::new(take_index_of_guest!());
static TAKE_INDEX_OF_DESK: Sql = Sql::new(take_index_of_desk!());
static INSERT: Sql = Sql::new(concat!(
    insert!(),
    "SELECT sid, next_index - 1, encoded_bytes, $1, $2, $3, $4, $5, $6, $6, $7, $8 FROM conversations WHERE sid = $9"
));
// PostgreSQL only, where a round trip costs more than a statement.
static APPEND_OF_GUEST: Sql = Sql::new(concat!(
    "WITH taken AS (",
    take_index_of_guest!(),
    "), inserted AS (",
    insert!(),
    "SELECT sid, message_index, encoded_bytes, $11, $12, $13, $14, $15, $16, $16, $17, $18 FROM taken) \
     SELECT message_index FROM taken"
));
static APPEND_OF_DESK: Sql = Sql::new(concat!(
    "WITH taken AS (",
    take_index_of_desk!(),
    "), inserted AS (",
    insert!(),
    "SELECT sid, message_index, encoded_bytes, $7, $8, $9, $10, $11, $12, $12, $13, $14 FROM taken) \
     SELECT message_index FROM taken"
));
static STATE_OF_OWN: Sql =
    Sql::new("SELECT state FROM conversations WHERE sid = $1 AND account_sid = $2 AND identity = $3");
static STATE: Sql = Sql::new("SELECT state FROM conversations WHERE sid = $1 AND account_sid = $2");
static BY_KEY: Sql = Sql::new(concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages WHERE idempotency_key = $1 AND conversation_sid = $2"
));
pub(crate) static STATEMENTS: &[&Sql] =
    &[&TAKE_INDEX_OF_GUEST, &TAKE_INDEX_OF_DESK, &INSERT, &STATE_OF_OWN, &STATE, &BY_KEY];

/// A message to append. The caller supplies the time and the random sid.
#[derive(Clone, Debug)]
pub struct NewMessage<'a> {
    /// The message.
    pub sid: MessageSid,
    /// The author's name.
    pub author: &'a str,
    /// Plain text, not empty.
    pub body: &'a str,
    /// The desk's JSON object.
    pub attributes: Option<&'a str>,
    /// The idempotency key of the request.
    pub key: Option<IdempotencyKey>,
    /// The time, stored to the millisecond.
    pub now: DateTime<Utc>,
}

/// The result of appending a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The message.
    pub message: MessageRecord,
    /// Whether an earlier request with the same idempotency key wrote it.
    pub is_repeated: bool,
}

impl Conversations {
    /// The message that was written with this idempotency key. `None` if there is none;
    /// [`StoreError::KeyReused`] if its text, author or attributes differ. An erased message is returned as it is.
    pub async fn by_idempotency_key(
        &self,
        conversation: ConversationSid,
        new: &NewMessage<'_>,
    ) -> Result<Option<MessageRecord>, StoreError> {
        let Some(key) = &new.key else { return Ok(None) };
        let find = BY_KEY.with([key.0.as_str().into(), conversation.to_string().into()]);
        let rows = self.database.read(find).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let found = MessageRecord::of(row)?;
        let is_same = found.body == new.body
            && found.author == new.author
            && found.attributes.as_deref() == new.attributes;
        if is_same || found.body.is_empty() { Ok(Some(found)) } else { Err(StoreError::KeyReused) }
    }

    /// Appends a message of the guest with the next index. `None` if this account and identity have no such
    /// conversation; [`StoreError::Closed`] or [`StoreError::Full`] if it takes no more messages of the guest.
    pub async fn append_of_guest(
        &self,
        account: AccountSid,
        identity: Identity,
        conversation: ConversationSid,
        new: NewMessage<'_>,
    ) -> Result<Option<Appended>, StoreError> {
        let message = record(&new, Side::Guest);
        let owner = [conversation.to_string(), account.to_string(), identity.to_string()];
        let [own_sid, own_account, own_identity] = owner.map(Value::from);
        let take_index = TakeIndex::Guest([
            own_sid.clone(),
            own_account.clone(),
            own_identity.clone(),
            length(new.body.len()).into(),
            day(new.now).into(),
            MAX_GUEST_MESSAGES.into(),
            FULL_ABOVE.into(),
            encoded_bytes(&chat_message(&message))?.into(),
            message.date_updated.timestamp_millis().into(),
            self.subscriptions.numbers(EventType::MessageAdded).into(),
        ]);
        let find_own = STATE_OF_OWN.with([own_sid, own_account, own_identity]);
        self.append(account, conversation, new, message, take_index, find_own).await
    }

    /// Appends a message of the desk with the next index, also to a conversation that is full for its guest. `None` if
    /// this account has no such conversation; [`StoreError::Closed`] if it is closed.
    pub async fn append_of_desk(
        &self,
        account: AccountSid,
        conversation: ConversationSid,
        new: NewMessage<'_>,
    ) -> Result<Option<Appended>, StoreError> {
        let message = record(&new, Side::Desk);
        let [sid, account_sid] = [conversation.to_string(), account.to_string()].map(Value::from);
        let take_index = TakeIndex::Desk([
            sid.clone(),
            account_sid.clone(),
            encoded_bytes(&chat_message(&message))?.into(),
            day(new.now).into(),
            message.date_updated.timestamp_millis().into(),
            self.subscriptions.numbers(EventType::MessageAdded).into(),
        ]);
        let find = STATE.with([sid, account_sid]);
        self.append(account, conversation, new, message, take_index, find).await
    }

    async fn append(
        &self,
        account: AccountSid,
        conversation: ConversationSid,
        new: NewMessage<'_>,
        mut message: MessageRecord,
        take_index: TakeIndex,
        find_state: Statement,
    ) -> Result<Option<Appended>, StoreError> {
        let inserted = inserted(&new, &message)?;
        let reported = self.reported(account, conversation, message.date_created);
        let mut statements = if self.is_on_postgres() {
            vec![take_index.and_insert(inserted)]
        } else {
            let insert = INSERT.with_all([&inserted[..], &[conversation.to_string().into()]].concat());
            vec![take_index.statement(), insert.if_rows()]
        };
        let added = reported.insert(EventType::MessageAdded, Some(message.sid), 1);
        statements.extend(added.map(Statement::if_rows));
        if message.side == Side::Guest {
            statements.extend(reported.full());
        }
        statements.push(find_state.if_no_rows());
        // With a key, a repeat violates the unique column.
        let idempotency = if new.key.is_some() { Idempotency::Idempotent } else { Idempotency::AtMostOnce };
        let written = self.write_change(conversation, idempotency, statements).await;
        let rejected = match written {
            Ok(outcomes) => match outcomes.first().and_then(|taken| taken.rows.first()) {
                Some(row) => {
                    message.index = index(row.get("message_index")?)?;
                    return Ok(Some(Appended { message, is_repeated: false }));
                }
                None => outcomes.last().map_or(Ok(()), rejected),
            },
            Err(error) => Err(error.into()),
        };
        // Of concurrent requests with one key, the unique column lets one insert its message. That one may also have
        // filled the conversation, or the conversation was closed since.
        match rejected {
            Ok(()) => Ok(None),
            Err(error) => match self.by_idempotency_key(conversation, &new).await? {
                Some(found) => {
                    // The process of the earlier request may have ended before it published.
                    self.publisher.changed(conversation);
                    // Its own, if the write was repeated on another connection.
                    Ok(Some(Appended { is_repeated: found.sid != message.sid, message: found }))
                }
                None => Err(error),
            },
        }
    }
}

/// Takes the index of a message.
enum TakeIndex {
    Guest([Value; 10]),
    Desk([Value; 6]),
}

impl TakeIndex {
    fn statement(self) -> Statement {
        match self {
            Self::Guest(values) => TAKE_INDEX_OF_GUEST.with(values),
            Self::Desk(values) => TAKE_INDEX_OF_DESK.with(values),
        }
    }

    /// One statement that inserts the message, too.
    fn and_insert(self, message: [Value; 8]) -> Statement {
        match self {
            Self::Guest(taken) => APPEND_OF_GUEST.with_all(taken.into_iter().chain(message).collect()),
            Self::Desk(taken) => APPEND_OF_DESK.with_all(taken.into_iter().chain(message).collect()),
        }
    }
}

/// Why no index was taken. `Ok` if there is no such conversation.
fn rejected(own: &Outcome) -> Result<(), StoreError> {
    match own.rows.first() {
        None => Ok(()),
        Some(row) if row.get::<&str>("state")? == "active" => Err(StoreError::Full),
        Some(_) => Err(StoreError::Closed),
    }
}

/// The message with the longest index, since the index is not known yet.
fn record(new: &NewMessage<'_>, side: Side) -> MessageRecord {
    let now = new.now.trunc_subsecs(3);
    MessageRecord {
        sid: new.sid,
        index: u32::MAX,
        side,
        author: new.author.to_owned(),
        body: new.body.to_owned(),
        attributes: new.attributes.map(str::to_owned),
        date_created: now,
        date_updated: now,
    }
}

/// The values of a message that do not depend on its conversation.
fn inserted(new: &NewMessage<'_>, message: &MessageRecord) -> Result<[Value; 8], StoreError> {
    Ok([
        message.sid.to_string().into(),
        message.desk_bytes()?.into(),
        message.side.as_str().into(),
        message.author.as_str().into(),
        new.key.as_ref().map(|key| key.0.clone()).into(),
        message.date_created.timestamp_millis().into(),
        message.attributes.clone().into(),
        message.body.as_str().into(),
    ])
}

/// A message as the guest reads it.
fn chat_message(message: &MessageRecord) -> ChatMessage {
    ChatMessage {
        sid: message.sid,
        index: message.index,
        author: message.author.clone(),
        body: message.body.clone(),
        date_created: message.date_created,
    }
}

impl From<MessageRecord> for ChatMessage {
    fn from(message: MessageRecord) -> Self {
        let MessageRecord { sid, index, author, body, date_created, .. } = message;
        Self { sid, index, author, body, date_created }
    }
}
