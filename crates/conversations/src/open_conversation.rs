//! Opens the conversation of a session, with the welcome message as its first message.

use chrono::{DateTime, SubsecRound as _, Utc};
use shared_types::{
    AccountSid, AddressSid, ConversationSid, DeploymentKey, Identity, MessageSid, Thumbprint,
    orchestrator::list_messages::ChatMessage, scoped_auth::generate::EarlierSession,
};
use store::Sql;

use crate::{
    Conversations, FULL_ABOVE, MAX_GUEST_MESSAGES, SYSTEM, StoreError, by_session::BY_SESSION,
    conversation_sid, day, length, pages::encoded_bytes,
};

// Of concurrent callers that open a session's next conversation, one inserts its number.
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
pub(crate) static STATEMENTS: &[&Sql] = &[&OPEN, &WELCOME];

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
    /// The sid of the welcome message.
    pub message_sid: MessageSid,
    /// The text of the welcome message.
    pub welcome: &'a str,
    /// The time, stored to the millisecond.
    pub now: DateTime<Utc>,
}

impl Conversations {
    /// Opens a conversation of the session with its welcome message, or returns the session's conversation that is not
    /// full.
    ///
    /// Both rows are written in one transaction, so a conversation without its welcome message is never visible, not
    /// even after a crash or when the caller is cancelled.
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
        conversation_sid(found.rows.first().ok_or(StoreError::Malformed("conversation"))?.get("sid")?)
    }
}
