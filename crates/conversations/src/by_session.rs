//! Looks up the conversation of a session. With PostgreSQL, concurrent lookups share one statement.

use shared_types::{AccountSid, ConversationSid, Identity, SessionId};
use store::{BatchExecutor, DatabaseError, Idempotency, PostgresPool, Sql};

use crate::{Conversations, StoreError, conversation_sid};

/// The session's newest conversation.
pub(super) static BY_SESSION: Sql = Sql::new(
    "SELECT sid FROM conversations WHERE account_sid = $1 AND session_id = $2 \
     ORDER BY session_number DESC LIMIT 1",
);
/// One row: the same, and the guest's identity if the guest was erased.
static BY_SESSION_OR_ERASED: Sql = Sql::new(
    "SELECT (SELECT sid FROM conversations WHERE account_sid = $1 AND session_id = $2 \
     ORDER BY session_number DESC LIMIT 1) AS sid, \
     (SELECT identity FROM erased_guests WHERE account_sid = $1 AND identity = $3) AS erased",
);
pub(crate) static STATEMENTS: &[&Sql] = &[&BY_SESSION, &BY_SESSION_OR_ERASED];

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
        let keys = [account.to_string().into(), session.to_string().into(), identity.to_string().into()];
        let rows = self.database.read(BY_SESSION_OR_ERASED.with(keys)).await?;
        let row = rows.first().ok_or(DatabaseError::Closed)?;
        answer(row.get("sid")?, row.get("erased")?)
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
        let answer =
            |(sid, erased): (Option<String>, Option<String>)| answer(sid.as_deref(), erased.as_deref());
        Ok(rows.into_iter().map(answer).map(Some).collect())
    }
}

/// The answer to a session's conversation and the identity of its guest if the guest was erased.
fn answer(sid: Option<&str>, erased: Option<&str>) -> Result<Option<ConversationSid>, StoreError> {
    match (sid, erased) {
        (Some(sid), _) => conversation_sid(sid).map(Some),
        (None, Some(_)) => Err(StoreError::Erased),
        (None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use store::{Database, DatabaseConfig, Engine};

    use super::*;
    use crate::MIGRATIONS;

    /// The cost of a lookup must not grow with the number of conversations or of erased guests.
    #[tokio::test]
    async fn a_lookup_searches_indexes() {
        static EXPLAINED: Sql = Sql::new(
            "EXPLAIN QUERY PLAN SELECT (SELECT sid FROM conversations WHERE account_sid = $1 AND session_id = $2 \
             ORDER BY session_number DESC LIMIT 1) AS sid, \
             (SELECT identity FROM erased_guests WHERE account_sid = $1 AND identity = $3) AS erased",
        );
        let statement = EXPLAINED.text(Engine::Sqlite).strip_prefix("EXPLAIN QUERY PLAN ");
        assert_eq!(statement, Some(BY_SESSION_OR_ERASED.text(Engine::Sqlite)));
        let database = Database::open(&DatabaseConfig::new("sqlite::memory:"), MIGRATIONS).await.unwrap();
        let plan = database.read(EXPLAINED.with(["".into(), "".into(), "".into()])).await.unwrap();
        let plan: Vec<&str> = plan.iter().map(|step| step.get("detail").unwrap()).collect();
        let of_tables =
            plan.iter().filter(|step| step.contains("conversations") || step.contains("erased_guests"));
        assert_eq!(of_tables.clone().count(), 2, "{plan:?}");
        assert!(
            of_tables.clone().all(|step| step.starts_with("SEARCH ") && step.contains(" USING")),
            "{plan:?}"
        );
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:?}");
    }
}
