//! The store of sessions and revocations, shared by all replicas of ScopedAuthService. What they must agree on is decided by
//! single compare-and-set statements, so that no other writer can interleave. `sessions` and `revocations` share one
//! database and one purge, so they share this room. Imports go one way: `sessions` uses the store, the store uses the types
//! of `revocations`.

mod advance;
mod current_token;
mod revocations;

use chrono::{DateTime, Utc};
use shared_types::SessionId;
use store::{
    Batcher, Database, DatabaseConfig, DatabaseError, Idempotency, MAX_BATCH_SIZE, Migrations, OpenError,
    PURGE_BATCH_ROWS, PostgresPool, Sql,
};
use tokio::sync::Notify;

pub use self::current_token::{Advance, AdvanceOutcome, CurrentToken};
use self::{advance::Advances, current_token::generation};

/// The tables.
pub const MIGRATIONS: Migrations = Migrations::new("scoped-auth", || {
    store::migrator(&[("sessions", include_str!("../migrations/0001_sessions.sql"))])
});

// The store may be a restored older copy, behind the presented token. That token then counts as the current one.
static ADVANCE: Sql = Sql::new(
    "INSERT INTO sessions (session_id, generation, replaced, advanced_at, expires_at, ends_at, fingerprint, \
     first_fingerprint, repeats, shown) VALUES ($1, $2, 0, $3, $4, $5, $6, $7, 0, 0) \
     ON CONFLICT (session_id) DO UPDATE SET generation = excluded.generation, replaced = sessions.generation, \
     advanced_at = excluded.advanced_at, expires_at = excluded.expires_at, ends_at = excluded.ends_at, fingerprint = excluded.fingerprint, \
     first_fingerprint = excluded.first_fingerprint, repeats = 0, shown = 0 \
     WHERE sessions.generation < excluded.generation RETURNING replaced",
);
static LOOK: Sql = Sql::new(
    "SELECT generation, advanced_at, expires_at, fingerprint, first_fingerprint, shown FROM sessions \
     WHERE session_id = $1",
);
static REPEAT: Sql = Sql::new(
    "UPDATE sessions SET repeats = repeats + 1 WHERE session_id = $1 AND generation = $2 AND advanced_at = $3 \
     RETURNING repeats",
);
static REISSUE: Sql = Sql::new(
    "UPDATE sessions SET advanced_at = $4, expires_at = $5, fingerprint = $6, first_fingerprint = $7, repeats = 0 \
     WHERE session_id = $1 AND generation = $2 AND advanced_at = $3 AND shown = 0",
);
static MARK_SHOWN: Sql =
    Sql::new("UPDATE sessions SET shown = 1 WHERE session_id = $1 AND generation = $2 AND shown = 0");

// Locks the rows in the order of their ids, like the advance of sessions: two batches that share several rows cannot
// deadlock.
const MARK_MANY_SHOWN: &str = "WITH locked AS \
     (SELECT s.session_id FROM sessions s JOIN UNNEST($1::TEXT[], $2::BIGINT[]) AS m (session_id, generation) ON s.session_id = m.session_id \
      AND s.generation = m.generation WHERE s.shown = 0 ORDER BY s.session_id COLLATE \"C\" FOR UPDATE OF s) \
     UPDATE sessions SET shown = 1 WHERE session_id IN (SELECT session_id FROM locked)";

static PURGES: [Sql; 2] = [
    Sql::new(
        "DELETE FROM sessions WHERE session_id IN \
         (SELECT session_id FROM sessions WHERE ends_at <= $1 LIMIT $2 {skip_locked})",
    ),
    Sql::new(
        "DELETE FROM revocations WHERE id IN \
         (SELECT id FROM revocations WHERE forget_at <= $1 LIMIT $2 {skip_locked})",
    ),
];

// A row that every database has, and a column that the service may change.
static PROBE: Sql = Sql::new("UPDATE revocation_count SET last_id = last_id WHERE FALSE");

/// Every statement that both engines run, for tests that prepare each of them.
pub fn statements() -> Vec<&'static Sql> {
    let of_sessions = [&ADVANCE, &LOOK, &REPEAT, &REISSUE, &MARK_SHOWN, &PROBE];
    of_sessions.into_iter().chain(&PURGES).chain(revocations::STATEMENTS.iter().copied()).collect()
}

/// The store. Cheap to clone; all clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    /// Batches advances; PostgreSQL only.
    advances: Option<Batcher<Advances>>,
}

/// Why a store operation failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is busy, full, unreachable or otherwise failed.
    #[error("the sessions' database failed")]
    Database(#[from] DatabaseError),
    /// A row has a value that this service never writes.
    #[error("the sessions' database contains a malformed {0}")]
    Malformed(&'static str),
    /// Concurrent requests kept changing the session.
    #[error("too many concurrent refreshes of the session")]
    Contended,
}

impl Store {
    /// Opens the store. In SQLite a missing file, its directory and its tables are created.
    pub async fn open(config: &DatabaseConfig) -> Result<Self, OpenError> {
        let database = Database::open(config, MIGRATIONS).await?;
        let advances = database.postgres().map(|pool| Batcher::new(Advances::new(pool.clone())));
        Ok(Self { database, advances })
    }

    /// Replaces a session's token by the next one, unless the store has a later one: among any number of callers on any
    /// number of replicas, exactly one advances from a generation. Concurrent calls share one commit; durable once this
    /// returns.
    ///
    /// A session without a row was never refreshed: its generation is 0.
    pub async fn advance(&self, advance: Advance) -> Result<AdvanceOutcome, StoreError> {
        if let Some(advances) = &self.advances {
            return advances.submit(advance).await?;
        }
        let session = advance.session.to_string();
        let next = ADVANCE.with([
            session.as_str().into(),
            (i64::from(advance.generation) + 1).into(),
            advance.now.timestamp_millis().into(),
            advance.expires_at.timestamp_millis().into(),
            advance.ends_at.timestamp_millis().into(),
            advance.fingerprint.map(String::from).into(),
            advance.first_fingerprint.map(String::from).into(),
        ]);
        let [advanced, current] =
            self.database.write([next, LOOK.with([session.into()]).if_no_rows()]).await?;
        if let Some(row) = advanced.rows.first() {
            return Ok(AdvanceOutcome::Advanced { replaced: generation(row.get("replaced")?)? });
        }
        let current = current.rows.first().ok_or(StoreError::Malformed("session"))?;
        CurrentToken::from_row(current).map(AdvanceOutcome::Current)
    }

    /// The current token of a session; `None` if it was never refreshed.
    pub async fn current(&self, session: SessionId) -> Result<Option<CurrentToken>, StoreError> {
        let rows = self.database.read(LOOK.with([session.to_string().into()])).await?;
        rows.first().map(CurrentToken::from_row).transpose()
    }

    /// Counts one more return of the current token, and returns the count; `None` if it is no longer current.
    pub async fn repeat(
        &self,
        session: SessionId,
        current: &CurrentToken,
    ) -> Result<Option<u64>, StoreError> {
        let repeat = REPEAT.with([
            session.to_string().into(),
            i64::from(current.generation).into(),
            current.advanced_at.timestamp_millis().into(),
        ]);
        let [repeated] = self.database.write([repeat]).await?;
        let Some(row) = repeated.rows.first() else { return Ok(None) };
        u64::try_from(row.get::<i64>("repeats")?).map(Some).map_err(|_| StoreError::Malformed("count"))
    }

    /// Replaces the current token by `next`, of the same generation, if it is still `lost`: current and not shown. Returns
    /// whether it was.
    pub async fn reissue(
        &self,
        session: SessionId,
        lost: &CurrentToken,
        next: &CurrentToken,
    ) -> Result<bool, StoreError> {
        let text = |fingerprint: &Option<_>| fingerprint.clone().map(String::from).into();
        let reissue = REISSUE.with([
            session.to_string().into(),
            i64::from(lost.generation).into(),
            lost.advanced_at.timestamp_millis().into(),
            next.advanced_at.timestamp_millis().into(),
            next.expires_at.timestamp_millis().into(),
            text(&next.fingerprint),
            text(&next.first_fingerprint),
        ]);
        let [reissued] = self.database.write([reissue]).await?;
        Ok(reissued.affected > 0)
    }

    /// Marks tokens as shown, each by its session and generation; tokens that are no longer current are skipped.
    pub async fn mark_shown(&self, tokens: &[(SessionId, u32)]) -> Result<(), StoreError> {
        for tokens in tokens.chunks(MAX_BATCH_SIZE) {
            if let Some(pool) = self.database.postgres() {
                self.mark_shown_in_postgres(pool, tokens).await?;
                continue;
            }
            let mark = |(session, generation): &(SessionId, u32)| {
                MARK_SHOWN.with([session.to_string().into(), i64::from(*generation).into()])
            };
            self.database.write_all(tokens.iter().map(mark).collect()).await?;
        }
        Ok(())
    }

    async fn mark_shown_in_postgres(
        &self,
        pool: &PostgresPool,
        tokens: &[(SessionId, u32)],
    ) -> Result<(), StoreError> {
        let (sessions, generations): (Vec<_>, Vec<_>) =
            tokens.iter().map(|(session, generation)| (session.to_string(), i64::from(*generation))).unzip();
        let mark = || sqlx::query(MARK_MANY_SHOWN).bind(sessions.clone()).bind(generations.clone());
        Ok(pool.execute(Idempotency::Idempotent, mark).await?)
    }

    /// Checks that the store could be written to.
    pub async fn probe(&self) -> Result<(), StoreError> {
        Ok(self.database.probe(PROBE.with([])).await?)
    }

    /// Wakes `notified` when a replica has written a revocation. Runs until it is dropped. Only PostgreSQL notifies.
    pub async fn listen(&self, notified: &Notify) {
        self.database.listen(revocations::REVOKED, |_| notified.notify_one()).await;
    }

    /// Deletes a bounded number of sessions that ended up to `now`, and of revocations whose tokens expired up to
    /// `revocations_until`; returns the number of rows, 0 once none remain.
    pub async fn purge(
        &self,
        now: DateTime<Utc>,
        revocations_until: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let mut rows = 0;
        for (purge, until) in PURGES.iter().zip([now, revocations_until]) {
            let purge = purge.with([until.timestamp_millis().into(), i64::from(PURGE_BATCH_ROWS).into()]);
            let [purged] = self.database.write([purge]).await?;
            rows += purged.affected;
        }
        Ok(rows)
    }

    /// Completes pending operations and closes the store, for all clones.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

fn date(millis: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(millis).ok_or(StoreError::Malformed("date"))
}
