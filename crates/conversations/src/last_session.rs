//! The last session of an identity, read from its newest conversation. A request for the same identity is checked
//! against it (contract, section 4).

use std::sync::Arc;

use chrono::{DateTime, Utc};
use shared_types::{
    AccountSid, DeploymentKey, Identity, SessionId, Thumbprint, scoped_auth::generate::EarlierSession,
};
use store::{DatabaseError, Sql};

use crate::{Conversations, StoreError, conversation_sid, outbox::closed_of_session};

static LAST_SESSION: Sql = Sql::new(
    "SELECT session_id, auth_time, jkt, session_ended_at FROM conversations \
     WHERE account_sid = $1 AND identity = $2 AND deployment_key = $3 ORDER BY date_created DESC, sid DESC LIMIT 1",
);
static END: Sql = Sql::new(
    "UPDATE conversations SET session_ended_at = $3, state = 'closed', date_updated = $3 \
     WHERE account_sid = $1 AND session_id = $2 AND session_ended_at IS NULL RETURNING sid",
);
pub(crate) static STATEMENTS: &[&Sql] = &[&LAST_SESSION, &END];

/// A session that opened a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastSession {
    /// The session id and start time.
    pub session: EarlierSession,
    /// The proof key that the session is bound to, if any.
    pub jkt: Option<Thumbprint>,
    /// Whether the guest ended it.
    pub ended: bool,
}

impl Conversations {
    /// The last session of an identity at a deployment that opened a conversation.
    pub async fn last_session(
        &self,
        account: AccountSid,
        deployment: DeploymentKey,
        identity: Identity,
    ) -> Result<Option<LastSession>, StoreError> {
        let find = LAST_SESSION.with([
            account.to_string().into(),
            identity.to_string().into(),
            deployment.to_string().into(),
        ]);
        let rows = self.database.read(find).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let sid = row.get::<&str>("session_id")?.parse().map_err(|_| StoreError::Malformed("session id"))?;
        let auth_time =
            DateTime::from_timestamp_millis(row.get("auth_time")?).ok_or(StoreError::Malformed("date"))?;
        let jkt = row.get::<Option<&str>>("jkt")?.map(str::parse).transpose();
        Ok(Some(LastSession {
            session: EarlierSession { sid, auth_time },
            jkt: jkt.map_err(|_| StoreError::Malformed("thumbprint"))?,
            ended: row.get::<Option<i64>>("session_ended_at")?.is_some(),
        }))
    }

    /// Records that the guest ended a session, and closes its conversations. Idempotent; does nothing for a session without
    /// a conversation.
    pub async fn end_session(
        &self,
        account: AccountSid,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let end =
            END.with([account.to_string().into(), session.to_string().into(), now.timestamp_millis().into()]);
        let mut statements = closed_of_session(&self.subscriptions, account, &session.to_string(), now);
        statements.push(end);
        let (database, publisher) = (self.database.clone(), self.publisher.clone());
        let events_written = Arc::clone(&self.events_written);
        // Publishes even if the caller is cancelled meanwhile.
        let ended = tokio::spawn(async move {
            let outcomes = database.write_all(statements).await?;
            for row in outcomes.last().iter().flat_map(|ended| ended.rows.iter()) {
                publisher.changed(conversation_sid(row.get("sid")?)?);
            }
            events_written.notify_one();
            Ok(())
        });
        ended.await.unwrap_or(Err(DatabaseError::Closed.into()))
    }
}
