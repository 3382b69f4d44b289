//! The conversations of sessions, looked up for many callers in one statement.

use std::collections::HashMap;

use service_runtime::{
    Database,
    database::{RowsStatement, Together},
};
use shared_types::{AccountSid, ConversationSid, SessionId};

use super::{StoreError, conversation_sid};

/// SQLite looks nothing up in an index for pairs that are `IN` a list, and joins in this order if told to CROSS JOIN.
const STATEMENT: &str = "WITH asked (account_sid, session_id) AS (VALUES {rows}) \
                         SELECT c.account_sid, c.session_id, c.sid FROM asked CROSS JOIN conversations c \
                         WHERE c.account_sid = asked.account_sid AND c.session_id = asked.session_id";

/// Looks up all that are asked for at once.
#[derive(Debug)]
pub(super) struct BySession {
    database: Database,
    statement: RowsStatement,
}

impl BySession {
    pub(super) fn new(database: Database) -> Self {
        Self { database, statement: RowsStatement::new(STATEMENT, 2) }
    }
}

impl Together for BySession {
    type Ask = (AccountSid, SessionId);
    type Answer = Result<Option<ConversationSid>, StoreError>;

    async fn run(&self, asks: &[Self::Ask]) -> Result<Vec<Option<Self::Answer>>, sqlx::Error> {
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
        let rows: Vec<(String, String, String)> = query.fetch_all(&self.database.readers).await?;
        let sids: HashMap<_, _> =
            rows.into_iter().map(|(account, session, sid)| ((account, session), sid)).collect();
        let answer = |name| Some(sids.get(name).map(|sid| conversation_sid(sid)).transpose());
        Ok(names.iter().map(answer).collect())
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

    use super::*;

    /// What it costs must not grow with the conversations that there are.
    #[tokio::test]
    async fn no_conversation_is_looked_at_but_those_that_are_asked_for() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::migrate!().run(&mut connection).await.unwrap();
        for rows in [1, 64] {
            let (statement, room) = RowsStatement::new(STATEMENT, 2).of(rows);
            let explained = format!("EXPLAIN QUERY PLAN {}", statement.0);
            let mut query = sqlx::query(AssertSqlSafe(explained));
            for _ in 0..room {
                query = query.bind("").bind("");
            }
            let plan = query.fetch_all(&mut connection).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
            assert!(plan.iter().any(|step| step.starts_with("SEARCH c USING")), "{plan:?}");
            assert!(!plan.iter().any(|step| step.starts_with("SCAN c")), "{plan:?}");
        }
    }
}
