//! Revoked sessions, as ScopedAuthService writes them, put into its store while it does not run.

use std::path::Path;

use service_runtime::Clock;
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::{Outcome, stack::sessions_url};

/// Adds `count` sessions that began within the last hour and were revoked just now, to a store that has its tables.
pub(crate) fn add(folder: &Path, count: usize) -> Outcome<()> {
    let now = Clock::system().now().timestamp_millis();
    let day = 24 * 3600 * 1000;
    // A session's id is a UUID version 7: the milliseconds of its beginning, then randomness.
    let rows = format!(
        "WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {count}), \
         begun (n, millis) AS (SELECT n, {now} - n * 3600000 / {count} FROM counted) \
         INSERT INTO revocations (id, kind, subject, revoked_at, forget_at) \
         SELECT n, 'session', printf('%08x-%04x-7%s-8%s-%s', millis >> 16, millis & 65535, \
         substr(lower(hex(randomblob(2))), 2), substr(lower(hex(randomblob(2))), 2), lower(hex(randomblob(6)))), \
         {now}, {now} + {day} FROM begun"
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut store = SqliteConnection::connect(&sessions_url(folder)).await?;
        let mut transaction = store.begin().await?;
        transaction.execute(sqlx::AssertSqlSafe(rows)).await?;
        let counted = format!("UPDATE revocation_count SET last_id = {count}");
        transaction.execute(sqlx::AssertSqlSafe(counted)).await?;
        transaction.commit().await?;
        Ok(store.close().await?)
    })
}
