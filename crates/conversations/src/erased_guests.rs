//! Guests that an operator erased. Their sessions are rejected and their identities are not granted again, for the
//! retention of the account.

use chrono::{DateTime, Utc};
use shared_types::{AccountSid, Identity};
use store::{Sql, Statement};

use crate::{Conversations, StoreError};

static NOTE: Sql = Sql::new(
    "INSERT INTO erased_guests (account_sid, identity, date_erased) VALUES ($1, $2, $3) \
     ON CONFLICT (account_sid, identity) DO UPDATE SET date_erased = excluded.date_erased",
);
static FIND: Sql = Sql::new("SELECT identity FROM erased_guests WHERE account_sid = $1 AND identity = $2");
pub(crate) static STATEMENTS: &[&Sql] = &[&NOTE, &FIND];

pub(crate) fn find(account: AccountSid, identity: Identity) -> Statement {
    FIND.with([account.to_string().into(), identity.to_string().into()])
}

impl Conversations {
    /// Records that the guest was erased. From then on the guest opens no conversation.
    pub async fn note_erased_guest(
        &self,
        account: AccountSid,
        identity: Identity,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let guest = [account.to_string(), identity.to_string()];
        let [account, identity] = guest.map(Into::into);
        self.database.write([NOTE.with([account, identity, now.timestamp_millis().into()])]).await?;
        Ok(())
    }

    /// Whether the guest was erased. Only needed where the guest has no conversation: an erased one has none.
    pub async fn is_erased(&self, account: AccountSid, identity: Identity) -> Result<bool, StoreError> {
        Ok(!self.database.read(find(account, identity)).await?.is_empty())
    }
}
