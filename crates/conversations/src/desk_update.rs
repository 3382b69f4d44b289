//! Reads and changes a conversation for the desk.

use chrono::{DateTime, SubsecRound as _, Utc};
use shared_types::{AccountSid, ConversationSid};
use store::{Idempotency, Sql};

use crate::{
    Conversations, StoreError,
    records::{ConversationRecord, conversation_columns},
};

static FIND: Sql = Sql::new(concat!(
    "SELECT ",
    conversation_columns!(),
    " FROM conversations WHERE sid = $1 AND account_sid = $2"
));
// 1 where the value is set, 0 where it stays as it is. The size is counted anew from what the caller read; a concurrent
// change of the other value makes it inexact by the length of that value until the next change.
static UPDATE: Sql = Sql::new(concat!(
    "UPDATE conversations SET friendly_name = CASE WHEN $3 = 1 THEN $4 ELSE friendly_name END, \
     attributes = CASE WHEN $5 = 1 THEN $6 ELSE attributes END, \
     state = CASE WHEN $7 = 1 THEN 'closed' ELSE state END, desk_bytes = $8, date_updated = $9 \
     WHERE sid = $1 AND account_sid = $2 RETURNING ",
    conversation_columns!()
));
pub(crate) static STATEMENTS: &[&Sql] = &[&FIND, &UPDATE];

/// Changes to a conversation. `None` leaves a value as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The name; `Some(None)` removes it.
    pub friendly_name: Option<Option<String>>,
    /// The desk's JSON object; `Some(None)` removes it.
    pub attributes: Option<Option<String>>,
    /// Whether to close the conversation, which is final.
    pub close: bool,
}

impl Conversations {
    /// A conversation of the account.
    pub async fn conversation(
        &self,
        account: AccountSid,
        conversation: ConversationSid,
    ) -> Result<Option<ConversationRecord>, StoreError> {
        let find = FIND.with([conversation.to_string().into(), account.to_string().into()]);
        self.database.read(find).await?.first().map(ConversationRecord::of).transpose()
    }

    /// Changes a conversation that the caller read, and returns it. `None` if the account has it no more.
    pub async fn update_conversation(
        &self,
        account: AccountSid,
        read: ConversationRecord,
        changes: Changes,
        now: DateTime<Utc>,
    ) -> Result<Option<ConversationRecord>, StoreError> {
        let changed = ConversationRecord {
            friendly_name: changes.friendly_name.clone().unwrap_or(read.friendly_name),
            attributes: changes.attributes.clone().unwrap_or(read.attributes),
            ..read
        };
        let update = UPDATE.with([
            changed.sid.to_string().into(),
            account.to_string().into(),
            i64::from(changes.friendly_name.is_some()).into(),
            changed.friendly_name.clone().into(),
            i64::from(changes.attributes.is_some()).into(),
            changed.attributes.clone().into(),
            i64::from(changes.close).into(),
            changed.desk_bytes()?.into(),
            now.trunc_subsecs(3).timestamp_millis().into(),
        ]);
        let reported = self.reported(account, changed.sid, now);
        let mut statements = if changes.close { reported.closed() } else { Vec::new() };
        statements.push(update);
        let outcomes = self.write_change(changed.sid, Idempotency::AtMostOnce, statements).await?;
        outcomes.last().and_then(|updated| updated.rows.first()).map(ConversationRecord::of).transpose()
    }
}
