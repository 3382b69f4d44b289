//! Where sessions and revocations are kept, behind one small interface. All replicas of ScopedAuthService share one
//! store; what they agree on, they agree on here, in single statements that no other can come between.

mod advance;

use chrono::{DateTime, Utc};
use service_runtime::{
    Database,
    database::{Batch, DatabaseConfig, DatabaseError, Migrations, OpenError, PURGED_AT_ONCE, Sql},
};
use shared_types::SessionId;
use tokio::sync::Notify;

use self::advance::{Advance, Advances};
use crate::revocations::{Revocation, Subject};

/// The tables.
pub const MIGRATIONS: Migrations = Migrations::new("scoped-auth", || sqlx::migrate!());

/// Where PostgreSQL tells all replicas that there is a new revocation.
const REVOKED: &str = "scoped_auth_revoked";

static MOVE: Sql = Sql::new(
    "INSERT INTO sessions (session_id, generation, advanced_at, ends_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (session_id) DO UPDATE SET generation = excluded.generation, advanced_at = excluded.advanced_at \
     WHERE sessions.generation = excluded.generation - 1",
);
static LOOK: Sql = Sql::new("SELECT generation, advanced_at FROM sessions WHERE session_id = $1");

// From the first of them on, whoever else revokes waits until these are committed.
static COUNT_ON: Sql = Sql::new("UPDATE revocation_count SET last_id = last_id + 1");
static REVOKE: Sql = Sql::new(
    "INSERT INTO revocations (id, kind, subject, revoked_at, forget_at) \
     SELECT last_id, $1, $2, $3, $4 FROM revocation_count",
);
static NOTIFY: Sql = Sql::new("SELECT pg_notify($1, '')");

static COUNT: Sql = Sql::new("SELECT COUNT(*) FROM revocations");
static NEWS: Sql = Sql::new(
    "SELECT string_agg(id || ' ' || kind || ' ' || subject || ' ' || revoked_at || ' ' || forget_at, ',') \
     FROM (SELECT * FROM revocations WHERE id > $1 ORDER BY id LIMIT $2) AS news",
);

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

/// The store. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    /// With PostgreSQL.
    advances: Option<Batch<Advances>>,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is busy, full, gone or otherwise unable.
    #[error("the sessions' database failed")]
    Database(#[from] DatabaseError),
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
        let advances = database.postgres().map(|pool| Batch::new(Advances::new(pool.clone())));
        Ok(Self { database, advances })
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
        if let Some(advances) = &self.advances {
            return advances.ask(Advance { session, generation, now, ends_at }).await?;
        }
        let (session, next) = (session.to_string(), i64::from(generation) + 1);
        let [ends_at, now] = [ends_at, now].map(|time| time.timestamp_millis());
        let moved = MOVE.with([session.as_str().into(), next.into(), now.into(), ends_at.into()]);
        let [moved, newest] = self.database.write([moved, LOOK.with([session.into()]).otherwise()]).await?;
        if moved.affected > 0 {
            return Ok(Moved::Forward);
        }
        let newest = newest.rows.first().ok_or(StoreError::Malformed("session"))?;
        Newest::new(newest.get(0)?, newest.get(1)?).map(Moved::Already)
    }

    /// Keeps a revocation, and tells the replicas that listen. When this returns, no crash loses it.
    pub async fn revoke(
        &self,
        subject: Subject,
        revoked_at: DateTime<Utc>,
        forget_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let revocation = REVOKE.with([
            subject.kind().into(),
            subject.to_string().into(),
            revoked_at.timestamp_millis().into(),
            forget_at.timestamp_millis().into(),
        ]);
        let mut statements = vec![COUNT_ON.with([]), revocation];
        if self.database.postgres().is_some() {
            // Heard with the commit, and not at all without it.
            statements.push(NOTIFY.with([REVOKED.into()]));
        }
        self.database.write_all(statements).await?;
        Ok(())
    }

    /// Wakes `heard` at once when a replica has revoked, for ever. Only PostgreSQL tells.
    pub async fn listen(&self, heard: &Notify) {
        self.database.listen(REVOKED, heard).await;
    }

    /// How many revocations there are.
    pub async fn count_revocations(&self) -> Result<usize, StoreError> {
        let rows = self.database.read(COUNT.with([])).await?;
        let count: i64 = rows.first().ok_or(StoreError::Malformed("count"))?.get(0)?;
        usize::try_from(count).map_err(|_| StoreError::Malformed("count"))
    }

    /// The revocations after the one with the id `after`, in their order, each with its id; at most `limit`.
    ///
    /// They come as one text. A replica that starts may have a million to read, and the driver of PostgreSQL takes some
    /// 5 µs for each row that it hands over, ten times what the rest of it takes.
    pub async fn revocations(&self, after: i64, limit: u32) -> Result<Vec<(i64, Revocation)>, StoreError> {
        let rows = self.database.read(NEWS.with([after.into(), i64::from(limit).into()])).await?;
        let text: Option<&str> = rows.first().ok_or(StoreError::Malformed("revocation"))?.get(0)?;
        let Some(text) = text else { return Ok(Vec::new()) };
        let news: Option<Vec<_>> = text.split(',').map(revocation).collect();
        let mut news = news.ok_or(StoreError::Malformed("revocation"))?;
        // An aggregate says nothing of an order, though both engines keep to it.
        news.sort_unstable_by_key(|(id, _)| *id);
        Ok(news)
    }

    /// Removes some of what is of no more use at `now`; how many rows that were, and 0 once none is left.
    pub async fn purge(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut rows = 0;
        for purge in &PURGES {
            let purge = purge.with([now.timestamp_millis().into(), i64::from(PURGED_AT_ONCE).into()]);
            let [purged] = self.database.write([purge]).await?;
            rows += purged.affected;
        }
        Ok(rows)
    }

    /// Lets what is under way finish and closes the store, for all clones.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

impl Newest {
    fn new(generation: i64, advanced_at: i64) -> Result<Self, StoreError> {
        let generation = u32::try_from(generation).map_err(|_| StoreError::Malformed("generation"))?;
        Ok(Self { generation, advanced_at: date(advanced_at)? })
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
