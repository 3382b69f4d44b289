//! Where sessions and revocations are kept, behind one small interface. All replicas of ScopedAuthService share one
//! store; what they agree on, they agree on here, in single statements that no other can come between.

use chrono::{DateTime, Utc};
use service_runtime::{Database, database::OpenError};
use shared_types::SessionId;

use crate::revocations::{Revocation, Subject};

/// The store. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Store(Database);

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is busy, full, gone or otherwise unable.
    #[error("the sessions' database failed")]
    Database(#[from] sqlx::Error),
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
    /// Opens the store, making file, directory and tables where they are missing. `url`: `sqlite:PATH`.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        Database::open(url, &sqlx::migrate!()).await.map(Self)
    }

    /// Moves a session from `generation` to the next, if that is where it is. One statement: of any number of callers
    /// on any number of replicas, exactly one moves it.
    ///
    /// A session without a row is where its token says: at 0, because it was never refreshed.
    pub async fn advance(
        &self,
        session: SessionId,
        generation: u32,
        now: DateTime<Utc>,
        ends_at: DateTime<Utc>,
    ) -> Result<Moved, StoreError> {
        let next = i64::from(generation) + 1;
        let moved = sqlx::query(
            "INSERT INTO sessions (session_id, generation, advanced_at, ends_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (session_id) DO UPDATE SET generation = excluded.generation, \
             advanced_at = excluded.advanced_at WHERE sessions.generation = excluded.generation - 1",
        )
        .bind(session.to_string())
        .bind(next)
        .bind(now.timestamp_millis())
        .bind(ends_at.timestamp_millis())
        .execute(&self.0.writer)
        .await?;
        if moved.rows_affected() > 0 {
            return Ok(Moved::Forward);
        }
        let (generation, advanced_at): (i64, i64) =
            sqlx::query_as("SELECT generation, advanced_at FROM sessions WHERE session_id = $1")
                .bind(session.to_string())
                .fetch_one(&self.0.writer)
                .await?;
        Ok(Moved::Already(Newest {
            generation: u32::try_from(generation).map_err(|_| StoreError::Malformed("generation"))?,
            advanced_at: date(advanced_at)?,
        }))
    }

    /// Keeps a revocation. When this returns, no crash loses it.
    pub async fn revoke(
        &self,
        subject: Subject,
        revoked_at: DateTime<Utc>,
        forget_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO revocations (id, kind, subject, revoked_at, forget_at) \
             SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4 FROM revocations",
        )
        .bind(subject.kind())
        .bind(subject.to_string())
        .bind(revoked_at.timestamp_millis())
        .bind(forget_at.timestamp_millis())
        .execute(&self.0.writer)
        .await?;
        Ok(())
    }

    /// The revocations after the one with the id `after`, in their order, each with its id; at most `limit`.
    pub async fn revocations(&self, after: i64, limit: u32) -> Result<Vec<(i64, Revocation)>, StoreError> {
        let rows: Vec<(i64, String, String, i64, i64)> = sqlx::query_as(
            "SELECT id, kind, subject, revoked_at, forget_at FROM revocations WHERE id > $1 ORDER BY id LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.0.readers)
        .await?;
        let revocation = |(id, kind, subject, revoked_at, forget_at): (i64, String, String, i64, i64)| {
            let subject = Subject::parse(&kind, &subject).ok_or(StoreError::Malformed("subject"))?;
            Ok((id, Revocation { subject, revoked_at: date(revoked_at)?, forget_at: date(forget_at)? }))
        };
        rows.into_iter().map(revocation).collect()
    }

    /// Removes what is of no more use at `now`; how many rows that were. The newest revocation stays, so that the
    /// count goes on from it.
    pub async fn purge(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let now = now.timestamp_millis();
        let sessions = sqlx::query("DELETE FROM sessions WHERE ends_at <= $1").bind(now);
        let sessions = sessions.execute(&self.0.writer).await?.rows_affected();
        let revocations = sqlx::query(
            "DELETE FROM revocations WHERE forget_at <= $1 AND id < (SELECT MAX(id) FROM revocations)",
        );
        let revocations = revocations.bind(now).execute(&self.0.writer).await?.rows_affected();
        Ok(sessions + revocations)
    }

    /// Lets what is under way finish and closes the store, for all clones.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

fn date(millis: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp_millis(millis).ok_or(StoreError::Malformed("date"))
}
