//! Messages for the desk.

use shared_types::{AccountSid, ConversationSid, MessageSid};
use store::Sql;

use crate::{
    Conversations, StoreError,
    desk_lists::{Page, fitting},
    records::{MessageRecord, index, message_columns},
};

// First the sizes, which are stored before the texts; then the rows that fit, so that no text is read in vain.
static SIZES: Sql = Sql::new(
    "SELECT message_index, desk_bytes FROM messages WHERE conversation_sid = $1 AND message_index >= $2 \
     ORDER BY message_index LIMIT $3",
);
static SIZES_DESCENDING: Sql = Sql::new(
    "SELECT message_index, desk_bytes FROM messages WHERE conversation_sid = $1 AND message_index <= $2 \
     ORDER BY message_index DESC LIMIT $3",
);
static ROWS: Sql = Sql::new(concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages WHERE conversation_sid = $1 AND message_index >= $2 AND message_index <= $3 ORDER BY message_index"
));
static FIND: Sql = Sql::new(concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages WHERE sid = $3 \
     AND conversation_sid = (SELECT sid FROM conversations WHERE sid = $1 AND account_sid = $2)"
));
pub(crate) static STATEMENTS: &[&Sql] = &[&SIZES, &SIZES_DESCENDING, &ROWS, &FIND];

/// Which messages a page has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageRange {
    /// From this index up.
    Ascending(u32),
    /// From this index down.
    Descending(u32),
}

impl Conversations {
    /// A page of messages of a conversation: at most `limit`, and at most [`PAGE_BYTES`](shared_types::desk::PAGE_BYTES) of response, but at least one
    /// if there is one. The caller has checked that the account has the conversation.
    pub async fn desk_messages(
        &self,
        conversation: ConversationSid,
        range: MessageRange,
        limit: u32,
    ) -> Result<Page<MessageRecord, u32>, StoreError> {
        let (sizes, start) = match range {
            MessageRange::Ascending(start) => (&SIZES, start),
            MessageRange::Descending(start) => (&SIZES_DESCENDING, start),
        };
        let sid = conversation.to_string();
        let sizes = self
            .database
            .read(sizes.with([sid.as_str().into(), i64::from(start).into(), (i64::from(limit) + 1).into()]))
            .await?;
        let sizes = sizes.iter().map(|row| Ok((index(row.get("message_index")?)?, row.get("desk_bytes")?)));
        let sizes = sizes.collect::<Result<Vec<_>, StoreError>>()?;
        let (fitting, next) = fitting(&sizes, limit);
        let (Some(first), Some(last)) = (fitting.first(), fitting.last()) else {
            return Ok(Page { items: Vec::new(), next: None });
        };
        let (low, high) = (first.min(last), first.max(last));
        let rows = self
            .database
            .read(ROWS.with([sid.into(), i64::from(*low).into(), i64::from(*high).into()]))
            .await?;
        let mut items = rows.iter().map(MessageRecord::of).collect::<Result<Vec<_>, _>>()?;
        if matches!(range, MessageRange::Descending(_)) {
            items.reverse();
        }
        Ok(Page { items, next })
    }

    /// A message of a conversation of the account.
    pub async fn message(
        &self,
        account: AccountSid,
        conversation: ConversationSid,
        message: MessageSid,
    ) -> Result<Option<MessageRecord>, StoreError> {
        let find = FIND.with([
            conversation.to_string().into(),
            account.to_string().into(),
            message.to_string().into(),
        ]);
        self.database.read(find).await?.first().map(MessageRecord::of).transpose()
    }
}
