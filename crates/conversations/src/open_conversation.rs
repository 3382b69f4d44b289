//! Opens the conversation of a session. Its first messages are the guest's question, if the form has one, and the welcome.

use chrono::{DateTime, SubsecRound as _, Utc};
use shared_types::{
    AccountSid, AddressSid, ConversationSid, DeploymentKey, Identity, MessageSid, Thumbprint,
    desk::{ConversationState, Side},
    orchestrator::list_messages::ChatMessage,
    scoped_auth::generate::EarlierSession,
};
use store::{Sql, Statement};

use crate::{
    Conversations, FULL_ABOVE, MAX_GUEST_MESSAGES, SYSTEM, StoreError,
    by_session::BY_SESSION,
    conversation_sid, day, erased_guests, length,
    pages::encoded_bytes,
    records::{ConversationRecord, MessageRecord},
    subscriptions::EventType,
};

// Of concurrent callers that open a session's next conversation, one inserts its number.
static OPEN: Sql = Sql::new(
    "INSERT INTO conversations (sid, account_sid, deployment_key, address_sid, session_id, session_number, auth_time, jkt, \
     identity, customer_friendly_name, pre_engagement_data, state, next_index, guest_messages, guest_bytes, encoded_bytes, \
     desk_bytes, date_created, date_updated, last_day, next_event) \
     SELECT $1, $2, $3, $4, $5, (SELECT COALESCE(MAX(session_number), 0) + 1 FROM conversations \
     WHERE account_sid = $2 AND session_id = $5), $6, $7, $8, $9, $10, 'active', $17, $18, $11, $16, $19, $12, $12, $13, $20 \
     WHERE NOT EXISTS (SELECT 1 FROM conversations WHERE account_sid = $2 AND session_id = $5 AND state = 'active' \
     AND guest_messages < $14 AND guest_bytes <= $15) \
     AND NOT EXISTS (SELECT 1 FROM erased_guests WHERE account_sid = $2 AND identity = $8) \
     ON CONFLICT (account_sid, session_id, session_number) DO NOTHING",
);
static FIRST_MESSAGE: Sql = Sql::new(
    "INSERT INTO messages (sid, conversation_sid, message_index, encoded_end, desk_bytes, side, author, date_created, \
     date_updated, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)",
);
pub(crate) static STATEMENTS: &[&Sql] = &[&OPEN, &FIRST_MESSAGE];

/// A conversation to open. The caller supplies the time and the random ids.
#[derive(Clone)]
pub struct NewConversation<'a> {
    /// The account.
    pub account_sid: AccountSid,
    /// The deployment that the guest uses.
    pub deployment_key: DeploymentKey,
    /// The address that the conversation arrives at.
    pub address_sid: AddressSid,
    /// The guest's session.
    pub session: EarlierSession,
    /// The proof key that the session is bound to.
    pub jkt: Option<Thumbprint>,
    /// The guest's identity.
    pub identity: Identity,
    /// The guest's display name.
    pub customer_friendly_name: Option<String>,
    /// The pre-engagement form that the guest filled in, as JSON.
    pub pre_engagement_data: Option<String>,
    /// Its sid, if the session has no open conversation yet.
    pub conversation_sid: ConversationSid,
    /// The guest's question and its sid: the first message.
    pub question: Option<(MessageSid, &'a str)>,
    /// The welcome message and its sid.
    pub welcome: (MessageSid, &'a str),
    /// The time, stored to the millisecond.
    pub now: DateTime<Utc>,
}

/// The session's conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The conversation.
    pub sid: ConversationSid,
    /// Whether it was opened now. If so, it has the question and the welcome message.
    pub is_new: bool,
}

impl Conversations {
    /// Opens a conversation of the session with its first messages, or returns the session's conversation that is active
    /// and not full. [`StoreError::Erased`] if the guest was erased.
    ///
    /// All rows are written in one transaction, so a conversation without its welcome message is never visible, not even
    /// after a crash or when the caller is cancelled.
    pub async fn open_conversation(&self, new: NewConversation<'_>) -> Result<Opened, StoreError> {
        let now = new.now.trunc_subsecs(3);
        let [account, session] = [new.account_sid.to_string(), new.session.sid.to_string()];
        let (messages, encoded_bytes) = first_messages(&new, now)?;
        let filled_in = [new.customer_friendly_name.as_deref(), new.pre_engagement_data.as_deref()];
        let question = new.question.map(|(_, text)| text);
        let guest_bytes = filled_in.into_iter().chain([question]).flatten().map(str::len).sum();
        let conversation = ConversationRecord {
            sid: new.conversation_sid,
            identity: new.identity,
            state: ConversationState::Active,
            friendly_name: None,
            attributes: None,
            customer_friendly_name: new.customer_friendly_name,
            pre_engagement_data: new.pre_engagement_data,
            date_created: now,
            date_updated: now,
        };
        let numbers_opened = self.subscriptions.numbers(EventType::ConversationOpened);
        let question = new.question.map(|(sid, _)| sid);
        let numbers_question = question.map_or(0, |_| self.subscriptions.numbers(EventType::MessageAdded));
        let reported = self.reported(new.account_sid, new.conversation_sid, now);
        let opened = reported.insert(EventType::ConversationOpened, None, numbers_opened + numbers_question);
        let added = question.map(|sid| reported.insert(EventType::MessageAdded, Some(sid), 1));
        let open = OPEN.with([
            new.conversation_sid.to_string().into(),
            account.as_str().into(),
            new.deployment_key.to_string().into(),
            new.address_sid.to_string().into(),
            session.as_str().into(),
            new.session.auth_time.timestamp_millis().into(),
            new.jkt.map(|jkt| jkt.to_string()).into(),
            new.identity.to_string().into(),
            conversation.customer_friendly_name.clone().into(),
            conversation.pre_engagement_data.clone().into(),
            length(guest_bytes).into(),
            now.timestamp_millis().into(),
            day(now).into(),
            MAX_GUEST_MESSAGES.into(),
            FULL_ABOVE.into(),
            encoded_bytes.into(),
            length(messages.len()).into(),
            i64::from(new.question.is_some()).into(),
            conversation.desk_bytes()?.into(),
            (numbers_opened + numbers_question).into(),
        ]);
        let find = BY_SESSION.with([account.as_str().into(), session.into()]);
        let is_erased = erased_guests::find(new.account_sid, new.identity);
        let statements = std::iter::once(open)
            .chain(messages.into_iter().map(Statement::if_rows))
            .chain(opened.chain(added.into_iter().flatten()).map(Statement::if_rows))
            .chain([find.if_no_rows(), is_erased])
            .collect();
        // A repeat finds the conversation with the new sid.
        let outcomes = self.database.write_idempotent(statements).await?;
        if outcomes.first().is_some_and(|opened| opened.affected > 0) {
            self.events_written.notify_one();
            return Ok(Opened { sid: new.conversation_sid, is_new: true });
        }
        if outcomes.last().is_some_and(|erased| !erased.rows.is_empty()) {
            return Err(StoreError::Erased);
        }
        let found = outcomes.iter().rev().nth(1).and_then(|found| found.rows.first());
        let sid = conversation_sid(found.ok_or(StoreError::Malformed("conversation"))?.get("sid")?)?;
        Ok(Opened { sid, is_new: sid == new.conversation_sid })
    }
}

/// The statements that insert the first messages, and how long those are together in answers.
fn first_messages(
    new: &NewConversation<'_>,
    now: DateTime<Utc>,
) -> Result<(Vec<Statement>, i64), StoreError> {
    let question = new.question.map(|(sid, text)| (Side::Guest, new.identity.to_string(), sid, text));
    let welcome = (Side::System, SYSTEM.to_owned(), new.welcome.0, new.welcome.1);
    let (mut statements, mut encoded_end) = (Vec::new(), 0);
    for (index, (side, author, sid, text)) in (0..).zip(question.into_iter().chain([welcome])) {
        let body = text.to_owned();
        let message =
            ChatMessage { sid, index, author: author.clone(), body: body.clone(), date_created: now };
        encoded_end += encoded_bytes(&message)?;
        let (date_created, date_updated, attributes) = (now, now, None);
        let record = MessageRecord { sid, index, side, author, body, attributes, date_created, date_updated };
        statements.push(FIRST_MESSAGE.with([
            sid.to_string().into(),
            new.conversation_sid.to_string().into(),
            i64::from(index).into(),
            encoded_end.into(),
            record.desk_bytes()?.into(),
            side.as_str().into(),
            record.author.into(),
            now.timestamp_millis().into(),
            record.body.into(),
        ]));
    }
    Ok((statements, encoded_end))
}
