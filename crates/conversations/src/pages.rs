//! Pages of messages, bounded by number and by bytes.

use chrono::DateTime;
use shared_types::{
    AccountSid, ConversationSid, Identity, json,
    orchestrator::list_messages::{ChatMessage, PAGE_BYTES, Response as Page},
};
use store::{Row, Sql};

use crate::{Conversations, StoreError, length};

/// Bytes of a page that are reserved for the rest of the response.
const ENVELOPE: usize = 256;

// The join returns one row of NULLs for a conversation without such messages, and no row for another guest's: one query
// separates the three cases, and takes as long for another guest's conversation as for a missing one. Indexes have no
// gaps, so the query visits at most one page of rows; it does not read the text of messages that do not fit.
static MESSAGES: Sql = Sql::new(
    "SELECT m.sid, m.message_index, m.author, m.body, m.date_created, c.next_index FROM conversations c LEFT JOIN messages m \
     ON m.conversation_sid = c.sid AND m.message_index > $4 AND m.message_index <= $4 + $5 \
     AND (m.message_index = $4 + 1 OR m.encoded_end <= $6 + COALESCE((SELECT encoded_end FROM messages \
     WHERE conversation_sid = $1 AND message_index = $4), 0)) \
     WHERE c.sid = $1 AND c.account_sid = $2 AND c.identity = $3 ORDER BY m.message_index",
);
pub(crate) static STATEMENTS: &[&Sql] = &[&MESSAGES];

impl Conversations {
    /// A page of messages in index order, starting after the index `after` if given: at most `limit` messages and
    /// [`PAGE_BYTES`] of response, but at least one message if there is one. `None` if this account and identity have no
    /// such conversation.
    pub async fn messages(
        &self,
        account: AccountSid,
        identity: Identity,
        conversation: ConversationSid,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Option<Page>, StoreError> {
        let rows = self.database.read(MESSAGES.with([
            conversation.to_string().into(),
            account.to_string().into(),
            identity.to_string().into(),
            after.map_or(-1, i64::from).into(),
            i64::from(limit.max(1)).into(),
            length(PAGE_BYTES - ENVELOPE).into(),
        ]));
        let rows = rows.await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let next_index = u32::try_from(first.get::<i64>("next_index")?)
            .map_err(|_| StoreError::Malformed("next_index"))?;
        let messages = rows.iter().filter_map(|row| message(row).transpose()).collect::<Result<_, _>>()?;
        Ok(Some(Page { messages, last_index: next_index.checked_sub(1) }))
    }
}

/// Encoded size of a message in the list of a response, with its comma.
pub(super) fn encoded_bytes(message: &ChatMessage) -> Result<i64, StoreError> {
    let encoded = json::to_vec(message).map_err(|_| StoreError::Malformed("message"))?;
    Ok(length(encoded.len() + 1))
}

/// `sid, message_index, author, body, date_created, next_index`; all but the last are NULL where the conversation has no such message.
fn message(row: Row<'_>) -> Result<Option<ChatMessage>, StoreError> {
    let Some(sid) = row.get::<Option<&str>>("sid")? else { return Ok(None) };
    Ok(Some(ChatMessage {
        sid: sid.parse().map_err(|_| StoreError::Malformed("message sid"))?,
        index: u32::try_from(row.get::<i64>("message_index")?)
            .map_err(|_| StoreError::Malformed("message index"))?,
        author: row.get::<&str>("author")?.to_owned(),
        body: row.get::<&str>("body")?.to_owned(),
        date_created: DateTime::from_timestamp_millis(row.get("date_created")?)
            .ok_or(StoreError::Malformed("date"))?,
    }))
}
