//! Revocations in the store: written with gapless ids, read by the replicas in the order of their ids.

use chrono::{DateTime, Utc};
use store::Sql;

use super::{Store, StoreError, date};
use crate::revocations::{Revocation, RevocationTarget};

/// The channel on which PostgreSQL notifies all replicas of a new revocation.
pub(super) const REVOKED: &str = "scoped_auth_revoked";

// The UPDATE locks the counter row, so revocations serialise and ids have no gaps.
static COUNT_ON: Sql = Sql::new("UPDATE revocation_count SET last_id = last_id + 1");
static REVOKE: Sql = Sql::new(
    "INSERT INTO revocations (id, kind, subject, revoked_at, forget_at) \
     SELECT last_id, $1, $2, $3, $4 FROM revocation_count",
);
static NOTIFY: Sql = Sql::new("SELECT pg_notify($1, '')");

static COUNT: Sql = Sql::new("SELECT COUNT(*) AS count FROM revocations WHERE forget_at > $1");
// Ids are assigned under a lock: whatever is committed after this read has a later id.
static START: Sql = Sql::new(
    "SELECT COALESCE((SELECT MIN(id) - 1 FROM revocations WHERE forget_at > $1), last_id) AS id FROM revocation_count",
);
static NEWS: Sql = Sql::new(
    "SELECT string_agg(id || ' ' || kind || ' ' || subject || ' ' || revoked_at || ' ' || forget_at, ',') AS news \
     FROM (SELECT * FROM revocations WHERE id > $1 ORDER BY id LIMIT $2) AS newer",
);
static COVERS: Sql = Sql::new(
    "SELECT kind FROM revocations WHERE kind = $1 AND subject = $2 AND (kind = 'session' OR revoked_at >= $3) LIMIT 1",
);

/// Without `NOTIFY`, which only PostgreSQL has.
pub(crate) static STATEMENTS: &[&Sql] = &[&COUNT_ON, &REVOKE, &COUNT, &START, &NEWS, &COVERS];

impl Store {
    /// Stores a revocation and notifies the listening replicas. Durable once this returns.
    pub async fn revoke(
        &self,
        target: RevocationTarget,
        revoked_at: DateTime<Utc>,
        forget_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let revocation = REVOKE.with([
            target.kind().into(),
            target.to_string().into(),
            revoked_at.timestamp_millis().into(),
            forget_at.timestamp_millis().into(),
        ]);
        let mut statements = vec![COUNT_ON.with([]), revocation];
        if self.database.postgres().is_some() {
            // Delivered with the commit only.
            statements.push(NOTIFY.with([REVOKED.into()]));
        }
        // A second row of the same revocation changes nothing.
        self.database.write_idempotent(statements).await?;
        Ok(())
    }

    /// How many revocations are in force at `now`.
    pub async fn count_revocations(&self, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let rows = self.database.read(COUNT.with([now.timestamp_millis().into()])).await?;
        let count: i64 = rows.first().ok_or(StoreError::Malformed("count"))?.get("count")?;
        usize::try_from(count).map_err(|_| StoreError::Malformed("count"))
    }

    /// The id after which a replica that starts at `now` must read: no revocation up to it is in force.
    pub async fn first_revocation(&self, now: DateTime<Utc>) -> Result<i64, StoreError> {
        let rows = self.database.read(START.with([now.timestamp_millis().into()])).await?;
        Ok(rows.first().ok_or(StoreError::Malformed("count"))?.get("id")?)
    }

    /// The revocations after the one with the id `after`, in the order of their ids, each with its id; at most `limit`.
    ///
    /// They are read as one string: a starting replica may read a million, and the PostgreSQL driver takes about 5 µs per
    /// row, ten times the rest.
    pub async fn revocations(&self, after: i64, limit: u32) -> Result<Vec<(i64, Revocation)>, StoreError> {
        let rows = self.database.read(NEWS.with([after.into(), i64::from(limit).into()])).await?;
        let text: Option<&str> = rows.first().ok_or(StoreError::Malformed("revocation"))?.get("news")?;
        let Some(text) = text else { return Ok(Vec::new()) };
        let news: Option<Vec<_>> = text.split(',').map(revocation).collect();
        let mut news = news.ok_or(StoreError::Malformed("revocation"))?;
        // An aggregate guarantees no order, though both engines keep to it.
        news.sort_unstable_by_key(|(id, _)| *id);
        Ok(news)
    }

    /// Whether any of `targets` was revoked at or after `began_at`, a session at any time. Reads the store, which keeps
    /// revocations long after their last token has expired.
    pub async fn is_revoked(
        &self,
        targets: &[RevocationTarget],
        began_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        for target in targets {
            let covers = COVERS.with([
                target.kind().into(),
                target.to_string().into(),
                began_at.timestamp_millis().into(),
            ]);
            if !self.database.read(covers).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A revocation and its id: `7 account AC… 1767323045678 1767409450678`.
fn revocation(text: &str) -> Option<(i64, Revocation)> {
    let mut fields = text.split(' ');
    let mut field = || fields.next();
    let id = field()?.parse().ok()?;
    let target = RevocationTarget::parse(field()?, field()?)?;
    let mut time = || date(field()?.parse().ok()?).ok();
    let (revoked_at, forget_at) = (time()?, time()?);
    fields.next().is_none().then_some((id, Revocation { target, revoked_at, forget_at }))
}
