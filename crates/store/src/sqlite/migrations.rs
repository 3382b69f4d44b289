//! Migrations on SQLite, in one transaction: concurrent processes are safe, and a failed migration leaves nothing
//! behind. The pragma `user_version` holds the number of applied migrations.

use rusqlite::{Connection, TransactionBehavior};
use sqlx::migrate::MigrateError;

use crate::{
    error::{DatabaseError, OpenError},
    migrations::{Migrations, display_name},
};

/// Applies missing migrations; returns their names.
pub(super) fn apply(connection: &mut Connection, migrations: Migrations) -> Result<Vec<String>, OpenError> {
    let migrator = migrations.all();
    // Waits for the write lock.
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(DatabaseError::from)?;
    let version: i64 = transaction
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(DatabaseError::from)?;
    let newest = migrator.iter().map(|migration| migration.version).max().unwrap_or_default();
    if version > newest {
        return Err(MigrateError::VersionMissing(version).into());
    }
    let mut done = Vec::new();
    for migration in migrator.iter().filter(|migration| migration.version > version) {
        transaction
            .execute_batch(migration.sql.as_str())
            .map_err(|error| OpenError::Migrating(migration.version, error.into()))?;
        done.push(display_name(migration));
    }
    transaction.pragma_update(None, "user_version", newest).map_err(DatabaseError::from)?;
    transaction.commit().map_err(DatabaseError::from)?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use sqlx::{
        SqlSafeStr as _,
        migrate::{Migration, MigrationType, Migrator},
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
    const BROKEN: Migrations = Migrations::new("test", || {
        migrator([
            "CREATE TABLE a (x BIGINT)",
            "CREATE TABLE b (x BIGINT)",
            "CREATE TABLE c (x BIGINT); NONSENSE",
        ])
    });

    #[test]
    fn missing_migrations_are_applied_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert_eq!(apply(&mut connection, ONE).unwrap(), ["0001 a table"]);
        assert_eq!(apply(&mut connection, TWO).unwrap(), ["0002 a table"]);
        assert!(apply(&mut connection, TWO).unwrap().is_empty());
        connection.execute_batch("SELECT x FROM a, b USING (x)").unwrap();
    }

    #[test]
    fn a_newer_releases_database_is_rejected() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection, TWO).unwrap();
        let newer = apply(&mut connection, ONE).unwrap_err();
        assert!(matches!(newer, OpenError::Migration(MigrateError::VersionMissing(2))), "{newer}");
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
