//! Appends a message of the guest to a conversation.

use chrono::{DateTime, SubsecRound as _, Utc};
use shared_types::{
    AccountSid, ConversationSid, Identity, MessageSid, orchestrator::list_messages::ChatMessage,
};
use store::{Sql, Value};

use crate::{Conversations, FULL_ABOVE, MAX_GUEST_MESSAGES, StoreError, day, length, pages::encoded_bytes};

// The UPDATE locks the conversation's row, so its message indexes have no gaps.
static TAKE_INDEX: Sql = Sql::new(
    "UPDATE conversations SET next_index = next_index + 1, guest_messages = guest_messages + 1, \
     guest_bytes = guest_bytes + $4, encoded_bytes = encoded_bytes + $8, last_day = $5 \
     WHERE sid = $1 AND account_sid = $2 AND identity = $3 AND guest_messages < $6 AND guest_bytes <= $7 \
     RETURNING next_index - 1 AS message_index",
);
static INSERT: Sql = Sql::new(
    "INSERT INTO messages (sid, conversation_sid, message_index, encoded_end, author, date_created, body) \
     SELECT $1, sid, next_index - 1, encoded_bytes, $3, $4, $5 FROM conversations WHERE sid = $2",
);
static FIND_OWN: Sql =
    Sql::new("SELECT sid FROM conversations WHERE sid = $1 AND account_sid = $2 AND identity = $3");
pub(crate) static STATEMENTS: &[&Sql] = &[&TAKE_INDEX, &INSERT, &FIND_OWN];

impl Conversations {
    /// Appends a message of the guest with the next index, and returns it in the form of
    /// [`messages`](Self::messages). `None` if this account and identity have no such conversation;
    /// [`StoreError::Full`] if the conversation is full.
    #[allow(clippy::too_many_arguments, reason = "one argument per column")]
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
        // The index is not known yet; the longest one is counted.
        let mut message = ChatMessage { sid, index: u32::MAX, author, body, date_created: now };
        let owner = [conversation.to_string(), account.to_string(), identity.to_string()];
        let [own_sid, own_account, own_identity] = owner.each_ref().map(|part| part.as_str().into());
        let take_index = TAKE_INDEX.with([
            own_sid,
            own_account,
            own_identity,
            length(message.body.len()).into(),
            day(now).into(),
            MAX_GUEST_MESSAGES.into(),
            FULL_ABOVE.into(),
            encoded_bytes(&message)?.into(),
        ]);
        let [own_sid, own_account, own_identity] = owner.map(Value::from);
        let insert = INSERT.with([
            sid.to_string().into(),
            own_sid.clone(),
            message.author.as_str().into(),
            now.timestamp_millis().into(),
            message.body.as_str().into(),
        ]);
        let find_own = FIND_OWN.with([own_sid, own_account, own_identity]);
        let [taken, _, own] =
            self.database.write([take_index, insert.if_rows(), find_own.if_no_rows()]).await?;
        let Some(index) = taken.rows.first() else {
            return if own.rows.is_empty() { Ok(None) } else { Err(StoreError::Full) };
        };
        message.index = u32::try_from(index.get::<i64>("message_index")?)
            .map_err(|_| StoreError::Malformed("next_index"))?;
        Ok(Some(message))
    }
}
