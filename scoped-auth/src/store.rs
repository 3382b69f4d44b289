//! Where sessions and revocations are kept, behind one small interface. All replicas of ScopedAuthService share one
//! store; what they agree on, they agree on here, in single statements that no other can come between.

mod advance;

use chrono::{DateTime, Utc};
use service_runtime::{
    Database,
    database::{Batch, BatchError, DatabaseConfig, Engine, Migrations, OpenError, PURGED_AT_ONCE},
};
use shared_types::SessionId;
use sqlx::AssertSqlSafe;
use tokio::sync::Notify;

use self::advance::{Advance, Advances};
use crate::revocations::{Revocation, Subject};

/// The tables.
pub const MIGRATIONS: Migrations = Migrations::new("scoped-auth", || sqlx::migrate!());

/// Where PostgreSQL tells all replicas that there is a new revocation.
const REVOKED: &str = "scoped_auth_revoked";

/// The store. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    advances: Batch<Advances>,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is busy, full, gone or otherwise unable.
    #[error("the sessions' database failed")]
    Database(#[from] sqlx::Error),
    /// So it is for all that went together.
    #[error("the sessions' database failed")]
    Batch(#[from] BatchError),
    /// A row holds something that this service never writes.
    #[error("the sessions' database holds a malformed {0}")]
    Malformed(&'static str),
}

/// What the store knows of a session's newest token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest {
    /// Its generation.
    pub generation: u32,
    /// When it was made.
    pub advanced_at: DateTime<Utc>,
}

/// What became of the wish to move a session from one generation to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It moved: the wish was the first with this generation.
    Forward,
    /// It had moved already: the newest token there is.
    Already(Newest),
}

impl Store {
    /// Opens the store. In SQLite file, directory and tables are made where they are missing.
    pub async fn open(config: &DatabaseConfig) -> Result<Self, OpenError> {
        let database = Database::open(config, MIGRATIONS).await?;
        Ok(Self { advances: Batch::new(Advances::new(database.clone())), database })
    }

    /// Moves a session from `generation` to the next, if that is where it is: of any number of callers on any number of
    /// replicas, exactly one moves it. Those of one replica who come at once go together, in one commit; when this
    /// returns, no crash loses it.
    ///
    /// A session without a row is where its token says: at 0, because it was never refreshed.
    pub async fn advance(
        &self,
        session: SessionId,
        generation: u32,
        now: DateTime<Utc>,
        ends_at: DateTime<Utc>,
    ) -> Result<Moved, StoreError> {
        self.advances.ask(Advance { session, generation, now, ends_at }).await?
    }

    /// Keeps a revocation, and tells the replicas that listen. When this returns, no crash loses it.
    pub async fn revoke(
        &self,
        subject: Subject,
        revoked_at: DateTime<Utc>,
        forget_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        Database::in_time(async {
            let mut transaction = self.database.writer.begin().await?;
            let (id,): (i64,) =
                sqlx::query_as("UPDATE revocation_count SET last_id = last_id + 1 RETURNING last_id")
                    .fetch_one(&mut *transaction)
                    .await?;
            sqlx::query(
                "INSERT INTO revocations (id, kind, subject, revoked_at, forget_at) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(id)
            .bind(subject.kind())
            .bind(subject.to_string())
            .bind(revoked_at.timestamp_millis())
            .bind(forget_at.timestamp_millis())
            .execute(&mut *transaction)
            .await?;
            if self.database.engine() == Engine::Postgres {
                // Heard with the commit, and not at all without it.
                sqlx::query("SELECT pg_notify($1, '')").bind(REVOKED).execute(&mut *transaction).await?;
            }
            Ok(transaction.commit().await?)
        })
        .await
    }

    /// Wakes `heard` at once when a replica has revoked, for ever. Only PostgreSQL tells.
    pub async fn listen(&self, heard: &Notify) {
        self.database.listen(REVOKED, heard).await;
    }

    /// How many revocations there are.
    pub async fn count_revocations(&self) -> Result<usize, StoreError> {
        let count = sqlx::query_scalar("SELECT COUNT(*) FROM revocations").fetch_one(&self.database.readers);
        let count: i64 = Database::in_time(count).await?;
        usize::try_from(count).map_err(|_| StoreError::Malformed("count"))
    }

    /// The revocations after the one with the id `after`, in their order, each with its id; at most `limit`.
    ///
    /// They come as one text. A replica that starts may have a million to read, and the driver takes some 5 µs for each
    /// row that it hands over, ten times what the rest of it takes.
    pub async fn revocations(&self, after: i64, limit: u32) -> Result<Vec<(i64, Revocation)>, StoreError> {
        let text = sqlx::query_scalar(
            "SELECT string_agg(id || ' ' || kind || ' ' || subject || ' ' || revoked_at || ' ' || forget_at, ',') \
             FROM (SELECT * FROM revocations WHERE id > $1 ORDER BY id LIMIT $2) AS news",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_one(&self.database.readers);
        let text: Option<String> = Database::in_time(text).await?;
        let Some(text) = text else { return Ok(Vec::new()) };
        let news: Option<Vec<_>> = text.split(',').map(revocation).collect();
        let mut news = news.ok_or(StoreError::Malformed("revocation"))?;
        // An aggregate says nothing of an order, though both engines keep to it.
        news.sort_unstable_by_key(|(id, _)| *id);
        Ok(news)
    }

    /// Removes some of what is of no more use at `now`; how many rows that were, and 0 once none is left.
    pub async fn purge(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let skip_locked = self.database.skip_locked();
        let sessions = format!(
            "DELETE FROM sessions WHERE session_id IN \
             (SELECT session_id FROM sessions WHERE ends_at <= $1 LIMIT $2 {skip_locked})"
        );
        let revocations = format!(
            "DELETE FROM revocations WHERE id IN \
             (SELECT id FROM revocations WHERE forget_at <= $1 LIMIT $2 {skip_locked})"
        );
        let mut rows = 0;
        for statement in [sessions, revocations] {
            let done = sqlx::query(AssertSqlSafe(statement))
                .bind(now.timestamp_millis())
                .bind(i64::from(PURGED_AT_ONCE))
                .execute(&self.database.writer);
            rows += Database::in_time(done).await?.rows_affected();
        }
        Ok(rows)
    }

    /// Lets what is under way finish and closes the store, for all clones.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

/// A revocation and its id: `7 account AC… 1767323045678 1767409450678`.
fn revocation(text: &str) -> Option<(i64, Revocation)> {
    let mut fields = text.split(' ');
    let mut field = || fields.next();
    let id = field()?.parse().ok()?;
    let subject = Subject::parse(field()?, field()?)?;
    let mut date = || DateTime::from_timestamp_millis(field()?.parse().ok()?);
    let (revoked_at, forget_at) = (date()?, date()?);
    fields.next().is_none().then_some((id, Revocation { subject, revoked_at, forget_at }))
}

fn date(millis: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(millis).ok_or(StoreError::Malformed("date"))
}
