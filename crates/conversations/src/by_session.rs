//! Looks up the conversation of a session. With PostgreSQL, concurrent lookups share one statement.

use shared_types::{AccountSid, ConversationSid, Identity, SessionId};
use store::{BatchExecutor, DatabaseError, Idempotency, PostgresPool, Sql};

use crate::{Conversations, StoreError, conversation_sid};

/// The session's newest conversation.
pub(super) static BY_SESSION: Sql = Sql::new(
    "SELECT sid FROM conversations WHERE account_sid = $1 AND session_id = $2 \
     ORDER BY session_number DESC LIMIT 1",
);
pub(crate) static STATEMENTS: &[&Sql] = &[&BY_SESSION];

/// The newest conversations of many sessions, and the identities of their guests if they were erased. The arrays are in
/// subqueries because PostgreSQL would otherwise plan the statement anew for the length of each array, which takes four
/// times as long as the rest.
const STATEMENT: &str = "SELECT (SELECT c.sid FROM conversations c WHERE c.account_sid = asked.account_sid \
                         AND c.session_id = asked.session_id ORDER BY c.session_number DESC LIMIT 1), \
                         (SELECT e.identity FROM erased_guests e WHERE e.account_sid = asked.account_sid \
                         AND e.identity = asked.identity) \
                         FROM UNNEST((SELECT $1::TEXT[]), (SELECT $2::TEXT[]), (SELECT $3::TEXT[])) \
                         WITH ORDINALITY AS asked (account_sid, session_id, identity, place) ORDER BY asked.place";

impl Conversations {
    /// The session's newest conversation, if it has one. [`StoreError::Erased`] if it has none and its guest was erased.
    /// With PostgreSQL, concurrent callers share one statement.
    pub async fn by_session(
        &self,
        account: AccountSid,
        session: SessionId,
        identity: Identity,
    ) -> Result<Option<ConversationSid>, StoreError> {
        if let Some(by_session) = &self.by_session {
            return by_session.submit((account, session, identity)).await?;
        }
        let find = BY_SESSION.with([account.to_string().into(), session.to_string().into()]);
        if let Some(row) = self.database.read(find).await?.first() {
            return conversation_sid(row.get("sid")?).map(Some);
        }
        if self.is_erased(account, identity).await? { Err(StoreError::Erased) } else { Ok(None) }
    }
}

/// Looks up the conversations of a batch of sessions.
#[derive(Debug)]
pub(super) struct BySession {
    pool: PostgresPool,
}

impl BySession {
    pub(super) fn new(pool: PostgresPool) -> Self {
        Self { pool }
    }
}

impl BatchExecutor for BySession {
    type Request = (AccountSid, SessionId, Identity);
    type Answer = Result<Option<ConversationSid>, StoreError>;

    async fn run(&self, requests: &[Self::Request]) -> Result<Vec<Option<Self::Answer>>, DatabaseError> {
        let accounts: Vec<_> = requests.iter().map(|(account, _, _)| account.to_string()).collect();
        let sessions: Vec<_> = requests.iter().map(|(_, session, _)| session.to_string()).collect();
        let identities: Vec<_> = requests.iter().map(|(_, _, identity)| identity.to_string()).collect();
        let find = || sqlx::query_as(STATEMENT).bind(&accounts).bind(&sessions).bind(&identities);
        let rows = self.pool.fetch_all(Idempotency::Idempotent, find).await?;
        let answer = |row: (Option<String>, Option<String>)| match row {
            (Some(sid), _) => conversation_sid(&sid).map(Some),
            (None, Some(_)) => Err(StoreError::Erased),
            (None, None) => Ok(None),
        };
        Ok(rows.into_iter().map(answer).map(Some).collect())
    }
}

#[cfg(test)]
mod tests {
    use store::{Database, DatabaseConfig};

    use super::*;
    use crate::MIGRATIONS;

    /// The cost of a lookup must not grow with the number of conversations.
    #[tokio::test]
    async fn a_lookup_searches_an_index() {
        static EXPLAINED: Sql = Sql::new(
            "EXPLAIN QUERY PLAN SELECT sid FROM conversations WHERE account_sid = $1 AND session_id = $2 \
             ORDER BY session_number DESC LIMIT 1",
        );
        let database = Database::open(&DatabaseConfig::new("sqlite::memory:"), MIGRATIONS).await.unwrap();
        let plan = database.read(EXPLAINED.with(["".into(), "".into()])).await.unwrap();
        let plan: Vec<&str> = plan.iter().map(|step| step.get("detail").unwrap()).collect();
        assert!(matches!(plan[..], [step] if step.starts_with("SEARCH conversations USING")), "{plan:?}");
    }
}
