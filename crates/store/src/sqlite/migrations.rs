//! Migrations on SQLite, in one transaction: concurrent processes are safe, and a failed migration leaves nothing
//! behind. The table of applied migrations has sqlx's format.

use std::time::Instant;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use sqlx::migrate::{AppliedMigration, MigrateError, Migration};

use crate::{
    error::{DatabaseError, OpenError},
    migrations::{Migrations, display_name, missing},
};

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, \
                      description TEXT NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, \
                      success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)";

/// Applies missing migrations; returns their names.
pub(super) fn apply(connection: &mut Connection, migrations: Migrations) -> Result<Vec<String>, OpenError> {
    let migrator = migrations.all();
    let transaction = begin(connection)?;
    let before = applied(&transaction)?;
    let mut done = Vec::new();
    for migration in missing(&migrator, &before)? {
        run(&transaction, migration)
            .map_err(|error| OpenError::Migrating(migration.version, error.into()))?;
        done.push(display_name(migration));
    }
    transaction.commit().map_err(DatabaseError::from)?;
    Ok(done)
}

/// Waits for the write lock.
fn begin(connection: &mut Connection) -> Result<Transaction<'_>, DatabaseError> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

/// Applied migrations; creates their table if it is missing.
fn applied(transaction: &Transaction<'_>) -> Result<Vec<AppliedMigration>, OpenError> {
    let rows = || -> rusqlite::Result<Vec<(AppliedMigration, bool)>> {
        transaction.execute(LEDGER, [])?;
        let mut ledger = transaction
            .prepare("SELECT version, checksum, success FROM _sqlx_migrations ORDER BY version")?;
        let rows = ledger.query_map([], |row| {
            let checksum = row.get::<_, Vec<u8>>(1)?.into();
            Ok((AppliedMigration { version: row.get(0)?, checksum }, row.get(2)?))
        })?;
        rows.collect()
    };
    let rows = rows().map_err(DatabaseError::from)?;
    if let Some((partial, _)) = rows.iter().find(|(_, is_success)| !is_success) {
        return Err(MigrateError::Dirty(partial.version).into());
    }
    Ok(rows.into_iter().map(|(applied, _)| applied).collect())
}

fn run(transaction: &Transaction<'_>, migration: &Migration) -> rusqlite::Result<()> {
    let began = Instant::now();
    transaction.execute_batch(migration.sql.as_str())?;
    let elapsed = i64::try_from(began.elapsed().as_nanos()).unwrap_or(i64::MAX);
    transaction.execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (?1, ?2, TRUE, ?3, ?4)",
        (migration.version, &migration.description, &migration.checksum, elapsed),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use sqlx::{
        SqlSafeStr as _,
        migrate::{MigrationType, Migrator},
    };

    use super::*;

    fn migrator<const N: usize>(texts: [&'static str; N]) -> Migrator {
        let migration = |(version, text): (i64, &'static str)| {
            Migration::new(version, "a table".into(), MigrationType::Simple, text.into_sql_str(), false)
        };
        Migrator::with_migrations((1..).zip(texts).map(migration).collect())
    }

    const ONE: Migrations = Migrations::new("test", || migrator(["CREATE TABLE a (x BIGINT)"]));
    const TWO: Migrations =
        Migrations::new("test", || migrator(["CREATE TABLE a (x BIGINT)", "CREATE TABLE b (x BIGINT)"]));
    const OTHER: Migrations = Migrations::new("test", || migrator(["CREATE TABLE a (y BIGINT)"]));
    const BROKEN: Migrations = Migrations::new("test", || {
        migrator([
            "CREATE TABLE a (x BIGINT)",
            "CREATE TABLE b (x BIGINT)",
            "CREATE TABLE c (x BIGINT); NONSENSE",
        ])
    });

    #[test]
    fn missing_migrations_are_applied_once_and_recorded() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert_eq!(apply(&mut connection, ONE).unwrap(), ["0001 a table"]);
        assert_eq!(apply(&mut connection, TWO).unwrap(), ["0002 a table"]);
        assert!(apply(&mut connection, TWO).unwrap().is_empty());
        connection.execute_batch("SELECT x FROM a, b USING (x)").unwrap();
        let ledger = "SELECT COUNT(*) FROM _sqlx_migrations WHERE success AND length(checksum) = 48 \
                      AND installed_on LIKE '20%' AND execution_time > 0";
        assert_eq!(connection.query_row(ledger, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
    }

    #[test]
    fn unknown_changed_and_partial_migrations_are_rejected() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection, TWO).unwrap();
        let newer = apply(&mut connection, ONE).unwrap_err();
        assert!(matches!(newer, OpenError::Migration(MigrateError::VersionMissing(2))), "{newer}");
        connection.execute("DELETE FROM _sqlx_migrations WHERE version = 2", []).unwrap();
        let changed = apply(&mut connection, OTHER).unwrap_err();
        assert!(matches!(changed, OpenError::Migration(MigrateError::VersionMismatch(1))), "{changed}");
        connection.execute("UPDATE _sqlx_migrations SET success = FALSE", []).unwrap();
        let partial = apply(&mut connection, ONE).unwrap_err();
        assert!(matches!(partial, OpenError::Migration(MigrateError::Dirty(1))), "{partial}");
    }

    #[test]
    fn a_failed_migration_leaves_nothing_behind() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection, ONE).unwrap();
        let failed = apply(&mut connection, BROKEN).unwrap_err().to_string();
        let sentence = "migration failed: 3: ";
        assert!(failed.starts_with(sentence), "{failed}");
        assert_eq!(apply(&mut connection, TWO).unwrap(), ["0002 a table"]);
    }

    #[test]
    fn concurrent_runs_apply_each_migration_once() {
        let folder = tempfile::tempdir().unwrap();
        let connect = || Connection::open(folder.path().join("db")).unwrap();
        apply(&mut connect(), ONE).unwrap();
        let at_once = Barrier::new(4);
        let migrate = || {
            let mut connection = connect();
            at_once.wait();
            apply(&mut connection, TWO).unwrap().len()
        };
        let applied: Vec<_> = std::thread::scope(|scope| {
            let several: Vec<_> = (0..4).map(|_| scope.spawn(migrate)).collect();
            several.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(applied.iter().sum::<usize>(), 1, "{applied:?}");
    }
}
