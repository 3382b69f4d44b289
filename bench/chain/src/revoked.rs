//! Revoked sessions in ScopedAuthService's format, inserted into its store while it is stopped.

use std::path::Path;

use rusqlite::Connection;
use service_runtime::Clock;

use crate::{Outcome, stack::sessions_file};

/// Adds `count` sessions that started within the last hour and were revoked just now, to a store with its tables.
pub(crate) fn add(folder: &Path, count: usize) -> Outcome<()> {
    let now = Clock::system().now().timestamp_millis();
    let day = 24 * 3600 * 1000;
    // A session's id is a UUID version 7: the milliseconds of its start, then random bits.
    let rows = format!(
        "WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {count}), \
         begun (n, millis) AS (SELECT n, {now} - n * 3600000 / {count} FROM counted) \
         INSERT INTO revocations (id, kind, subject, revoked_at, forget_at) \
         SELECT n, 'session', printf('%08x-%04x-7%s-8%s-%s', millis >> 16, millis & 65535, \
         substr(lower(hex(randomblob(2))), 2), substr(lower(hex(randomblob(2))), 2), lower(hex(randomblob(6)))), \
         {now}, {now} + {day} FROM begun"
    );
    let mut store = Connection::open(sessions_file(folder))?;
    let transaction = store.transaction()?;
    transaction.execute_batch(&rows)?;
    transaction.execute_batch(&format!("UPDATE revocation_count SET last_id = {count}"))?;
    transaction.commit()?;
    store.close().map_err(|(_, error)| error)?;
    Ok(())
}
