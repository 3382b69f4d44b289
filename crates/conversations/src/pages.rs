//! Pages of messages, bounded by number and by bytes.

use shared_types::{
    AccountSid, ConversationSid, Identity, json,
    orchestrator::list_messages::{ChatMessage, PAGE_BYTES, Response as Page},
};
use store::{Row, Sql};

use crate::{Conversations, StoreError, date, length, records};

/// Bytes of a page that are reserved for the rest of the response.
const ENVELOPE: usize = 256;

// The join returns one row of NULLs for a conversation without such messages, and no row for another guest's: one query
// separates the three cases, and takes as long for another guest's conversation as for a missing one. Indexes have no
// gaps, so the query visits at most one page of rows; it does not read the text of messages that do not fit.
static AFTER: Sql = Sql::new(
    "SELECT m.sid, m.message_index, m.author, m.body, m.date_created, c.next_index, c.state \
     FROM conversations c LEFT JOIN messages m \
     ON m.conversation_sid = c.sid AND m.message_index > $4 AND m.message_index <= $4 + $5 \
     AND (m.message_index = $4 + 1 OR m.encoded_end <= $6 + COALESCE((SELECT encoded_end FROM messages \
     WHERE conversation_sid = $1 AND message_index = $4), 0)) \
     WHERE c.sid = $1 AND c.account_sid = $2 AND c.identity = $3 ORDER BY m.message_index",
);
// The same from the end: the bytes from a message to the last of the page are the difference of two `encoded_end`. A
// negative $4 is the end of the conversation.
static BEFORE: Sql = Sql::new(
    "SELECT m.sid, m.message_index, m.author, m.body, m.date_created, c.next_index, c.state FROM \
     (SELECT sid, next_index, state, CASE WHEN $4 < 0 OR $4 > next_index THEN next_index ELSE $4 END AS page_end \
     FROM conversations WHERE sid = $1 AND account_sid = $2 AND identity = $3) c LEFT JOIN messages m \
     ON m.conversation_sid = c.sid AND m.message_index < c.page_end AND m.message_index >= c.page_end - $5 \
     AND (m.message_index = c.page_end - 1 OR (SELECT encoded_end FROM messages WHERE conversation_sid = c.sid \
     AND message_index = c.page_end - 1) <= $6 + COALESCE((SELECT encoded_end FROM messages \
     WHERE conversation_sid = c.sid AND message_index = m.message_index - 1), 0)) ORDER BY m.message_index",
);
pub(crate) static STATEMENTS: &[&Sql] = &[&AFTER, &BEFORE];

/// Which messages a page has, always in ascending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// From the first message after this index on; from the first of all for `None`.
    After(Option<u32>),
    /// The last messages before this index; before the end for `None`.
    Before(Option<u32>),
}

impl Conversations {
    /// A page of messages in index order: at most `limit` messages and [`PAGE_BYTES`] of response, but at least one
    /// message if there is one. `None` if this account and identity have no such conversation.
    pub async fn messages(
        &self,
        account: AccountSid,
        identity: Identity,
        conversation: ConversationSid,
        range: Range,
        limit: u32,
    ) -> Result<Option<Page>, StoreError> {
        let (statement, index) = match range {
            Range::After(after) => (&AFTER, after),
            Range::Before(before) => (&BEFORE, before),
        };
        let rows = self.database.read(statement.with([
            conversation.to_string().into(),
            account.to_string().into(),
            identity.to_string().into(),
            index.map_or(-1, i64::from).into(),
            i64::from(limit.max(1)).into(),
            length(PAGE_BYTES - ENVELOPE).into(),
        ]));
        let rows = rows.await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let next_index = records::index(first.get("next_index")?)?;
        let state = records::state(first.get("state")?)?;
        let messages = rows.iter().filter_map(|row| message(row).transpose()).collect::<Result<_, _>>()?;
        Ok(Some(Page { messages, last_index: next_index.checked_sub(1), state }))
    }
}

/// Encoded size of a message in the list of a response, with its comma.
pub(super) fn encoded_bytes(message: &ChatMessage) -> Result<i64, StoreError> {
    let encoded = json::to_vec(message).map_err(|_| StoreError::Malformed("message"))?;
    Ok(length(encoded.len() + 1))
}

/// `sid, message_index, author, body, date_created`; all are NULL where the conversation has no such message.
fn message(row: Row<'_>) -> Result<Option<ChatMessage>, StoreError> {
    let Some(sid) = row.get::<Option<&str>>("sid")? else { return Ok(None) };
    Ok(Some(ChatMessage {
        sid: sid.parse().map_err(|_| StoreError::Malformed("message sid"))?,
        index: records::index(row.get("message_index")?)?,
        author: row.get::<&str>("author")?.to_owned(),
        body: row.get::<&str>("body")?.to_owned(),
        date_created: date(row.get("date_created")?)?,
    }))
}
