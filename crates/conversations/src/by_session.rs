//! Looks up the conversation of a session. With PostgreSQL, concurrent lookups share one statement.

use std::collections::HashMap;

use shared_types::{AccountSid, ConversationSid, SessionId};
use store::{BatchExecutor, DatabaseError, Idempotency, PostgresPool, Sql};

use crate::{Conversations, StoreError, conversation_sid};

/// The session's newest conversation.
pub(super) static BY_SESSION: Sql = Sql::new(
    "SELECT sid FROM conversations WHERE account_sid = $1 AND session_id = $2 \
     ORDER BY session_number DESC LIMIT 1",
);
pub(crate) static STATEMENTS: &[&Sql] = &[&BY_SESSION];

/// The conversations of many sessions, the newest of each session last.
const STATEMENT: &str = "SELECT c.account_sid, c.session_id, c.sid \
                         FROM UNNEST($1::TEXT[], $2::TEXT[]) AS asked (account_sid, session_id) CROSS JOIN conversations c \
                         WHERE c.account_sid = asked.account_sid AND c.session_id = asked.session_id \
                         ORDER BY c.session_number";

impl Conversations {
    /// The session's newest conversation, if it has one. With PostgreSQL, concurrent callers share one statement.
    pub async fn by_session(
        &self,
        account: AccountSid,
        session: SessionId,
    ) -> Result<Option<ConversationSid>, StoreError> {
        if let Some(by_session) = &self.by_session {
            return by_session.submit((account, session)).await?;
        }
        let find = BY_SESSION.with([account.to_string().into(), session.to_string().into()]);
        let rows = self.database.read(find).await?;
        rows.first().map(|row| conversation_sid(row.get("sid")?)).transpose()
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
    type Request = (AccountSid, SessionId);
    type Answer = Result<Option<ConversationSid>, StoreError>;

    async fn run(&self, requests: &[Self::Request]) -> Result<Vec<Option<Self::Answer>>, DatabaseError> {
        let (accounts, sessions): (Vec<_>, Vec<_>) =
            requests.iter().map(|(account, session)| (account.to_string(), session.to_string())).unzip();
        let find = || sqlx::query_as(STATEMENT).bind(accounts.clone()).bind(sessions.clone());
        let rows: Vec<(String, String, String)> = self.pool.fetch_all(Idempotency::Idempotent, find).await?;
        let sids: HashMap<_, _> =
            rows.into_iter().map(|(account, session, sid)| ((account, session), sid)).collect();
        let answer = |name| Some(sids.get(&name).map(|sid| conversation_sid(sid)).transpose());
        Ok(accounts.into_iter().zip(sessions).map(answer).collect())
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
