//! Lists of conversations for the desk, newest first. Pages are bounded by number and by bytes; a page starts at a
//! position, so that rows that are added or erased meanwhile neither repeat nor hide others.

use chrono::{DateTime, Utc};
use shared_types::{
    AccountSid, ConversationSid, Identity,
    desk::{ConversationState, PAGE_BYTES},
};
use store::{Sql, Value};

use crate::{
    Conversations, StoreError, conversation_sid, date, length,
    records::{ConversationRecord, conversation_columns},
};

/// Bytes of a page that are reserved for its `meta`: three URLs and their filters.
const META: usize = 2048;

/// Statements of a list, with a condition on an index: the sizes of a page, and its rows.
macro_rules! list {
    ($condition:literal) => {
        [
            // $2 and $3: the position. $4: the earliest date.
            Sql::new(concat!(
                "SELECT sid, date_created, desk_bytes FROM conversations WHERE account_sid = $1 AND ",
                $condition,
                " AND (date_created, sid) <= ($2, $3) AND date_created >= $4 \
                 ORDER BY date_created DESC, sid DESC LIMIT $5"
            )),
            // From the first row down to the last.
            Sql::new(concat!(
                "SELECT ",
                conversation_columns!(),
                " FROM conversations WHERE account_sid = $1 AND ",
                $condition,
                " AND (date_created, sid) <= ($2, $3) AND (date_created, sid) >= ($4, $5) \
                 ORDER BY date_created DESC, sid DESC"
            )),
        ]
    };
}

static ALL: [Sql; 2] = list!("$6 = ''");
static BY_STATE: [Sql; 2] = list!("state = $6");
static BY_IDENTITY: [Sql; 2] = list!("identity = $6");
pub(crate) static STATEMENTS: &[&Sql] =
    &[&ALL[0], &ALL[1], &BY_STATE[0], &BY_STATE[1], &BY_IDENTITY[0], &BY_IDENTITY[1]];

/// Which conversations of an account a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// All.
    All,
    /// Those in this state.
    State(ConversationState),
    /// Those of this guest.
    Identity(Identity),
}

/// The position of a conversation in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// When it was opened.
    pub date_created: DateTime<Utc>,
    /// The conversation.
    pub sid: ConversationSid,
}

/// A page, and the position of the first item of the next one if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, P> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts.
    pub next: Option<P>,
}

impl Position {
    /// The first position of the conversations that were opened at `date` or before.
    pub const fn before(date: DateTime<Utc>) -> Self {
        Self { date_created: date, sid: ConversationSid::from_bits(u128::MAX) }
    }
}

impl Conversations {
    /// A page of conversations, newest first, from the position `start` down to the date `earliest`: at most `limit`, and
    /// at most [`PAGE_BYTES`] of response, but at least one if there is one.
    pub async fn list_conversations(
        &self,
        account: AccountSid,
        filter: Filter,
        start: Position,
        earliest: DateTime<Utc>,
        limit: u32,
    ) -> Result<Page<ConversationRecord, Position>, StoreError> {
        let (statements, value) = match filter {
            Filter::All => (&ALL, String::new()),
            Filter::State(state) => (&BY_STATE, state.as_str().to_owned()),
            Filter::Identity(identity) => (&BY_IDENTITY, identity.to_string()),
        };
        let [sizes, rows] = statements;
        let [date_created, sid] = start.values();
        let account = account.to_string();
        let found = self
            .database
            .read(sizes.with([
                account.as_str().into(),
                date_created,
                sid,
                earliest.timestamp_millis().into(),
                (i64::from(limit) + 1).into(),
                value.as_str().into(),
            ]))
            .await?;
        let sizes = found.iter().map(|row| {
            let sid = conversation_sid(row.get("sid")?)?;
            Ok((Position { date_created: date(row.get("date_created")?)?, sid }, row.get("desk_bytes")?))
        });
        let sizes = sizes.collect::<Result<Vec<_>, StoreError>>()?;
        let (fitting, next) = fitting(&sizes, limit);
        let (Some(first), Some(last)) = (fitting.first(), fitting.last()) else {
            return Ok(Page { items: Vec::new(), next: None });
        };
        let ([first_date, first_sid], [last_date, last_sid]) = (first.values(), last.values());
        let range = [account.into(), first_date, first_sid, last_date, last_sid, value.into()];
        let rows = self.database.read(rows.with(range)).await?;
        let items = rows.iter().map(ConversationRecord::of).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }
}

impl Position {
    fn values(self) -> [Value; 2] {
        [self.date_created.timestamp_millis().into(), self.sid.to_string().into()]
    }
}

/// The items of a page, of items with their sizes, and the first one of the next page.
pub(crate) fn fitting<T: Copy>(sizes: &[(T, i64)], limit: u32) -> (Vec<T>, Option<T>) {
    let (mut items, mut taken) = (Vec::new(), length(META));
    for (item, size) in sizes {
        taken += size;
        let is_over = items.len() >= limit as usize || taken > length(PAGE_BYTES);
        if is_over && !items.is_empty() {
            return (items, Some(*item));
        }
        items.push(*item);
    }
    (items, None)
}
