//! The conversations of sessions, looked up one by one, and in PostgreSQL for many callers in one statement.

use std::collections::HashMap;

use shared_types::{AccountSid, ConversationSid, SessionId};
use sqlx::PgPool;
use store::{BatchExecutor, DatabaseError, RowsStatement, Sql};

use super::{StoreError, conversation_sid};

/// A session's newest.
pub(super) static BY_SESSION: Sql = Sql::new(
    "SELECT sid FROM conversations WHERE account_sid = $1 AND session_id = $2 \
     ORDER BY session_number DESC LIMIT 1",
);

/// Those of many sessions, the newest of each last.
const STATEMENT: &str = "WITH asked (account_sid, session_id) AS (VALUES {rows}) \
                         SELECT c.account_sid, c.session_id, c.sid FROM asked CROSS JOIN conversations c \
                         WHERE c.account_sid = asked.account_sid AND c.session_id = asked.session_id \
                         ORDER BY c.session_number";

/// Looks up all that are asked for at once.
#[derive(Debug)]
pub(super) struct BySession {
    pool: PgPool,
    statement: RowsStatement,
}

impl BySession {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool, statement: RowsStatement::new(STATEMENT, 2) }
    }
}

impl BatchExecutor for BySession {
    type Request = (AccountSid, SessionId);
    type Answer = Result<Option<ConversationSid>, StoreError>;

    async fn run(&self, asks: &[Self::Request]) -> Result<Vec<Option<Self::Answer>>, DatabaseError> {
        let names: Vec<_> =
            asks.iter().map(|(account, session)| (account.to_string(), session.to_string())).collect();
        let (statement, room) = self.statement.of(names.len());
        let mut query = sqlx::query_as(statement);
        // What is left over is filled with the last once more.
        let last = names.last().cloned().unwrap_or_default();
        for place in 0..room {
            let (account, session) = names.get(place).unwrap_or(&last);
            query = query.bind(account.as_str()).bind(session.as_str());
        }
        let rows: Vec<(String, String, String)> = query.fetch_all(&self.pool).await?;
        let sids: HashMap<_, _> =
            rows.into_iter().map(|(account, session, sid)| ((account, session), sid)).collect();
        let answer = |name| Some(sids.get(name).map(|sid| conversation_sid(sid)).transpose());
        Ok(names.iter().map(answer).collect())
    }
}

#[cfg(test)]
mod tests {
    use store::{Database, DatabaseConfig};

    use super::*;
    use crate::conversations::MIGRATIONS;

    /// What it costs must not grow with the conversations that there are.
    #[tokio::test]
    async fn no_conversation_is_looked_at_but_the_one_that_is_asked_for() {
        static EXPLAINED: Sql = Sql::new(
            "EXPLAIN QUERY PLAN SELECT sid FROM conversations WHERE account_sid = $1 AND session_id = $2 \
             ORDER BY session_number DESC LIMIT 1",
        );
        let database = Database::open(&DatabaseConfig::new("sqlite::memory:"), MIGRATIONS).await.unwrap();
        let plan = database.read(EXPLAINED.with(["".into(), "".into()])).await.unwrap();
        let plan: Vec<&str> = plan.iter().map(|step| step.get(3).unwrap()).collect();
        assert!(matches!(plan[..], [step] if step.starts_with("SEARCH conversations USING")), "{plan:?}");
    }
}
