//! Schema migrations. SQLite is migrated by the service at startup. PostgreSQL is migrated by the `migrate` subcommand
//! under an advisory lock, so that it may run concurrently; a service only checks at startup, and an older release
//! keeps running on a newer one's tables.

use sqlx::{
    PgConnection, SqlStr,
    migrate::{AppliedMigration, Migrate as _, MigrateError, Migration, MigrationType, Migrator},
};

use crate::error::OpenError;

/// PostgreSQL's error code `undefined_table`.
const UNDEFINED_TABLE: &str = "42P01";

/// Migrations from their names and texts, in order, numbered from 1. Instead of sqlx's macro: that needs sqlx and its
/// dependencies compiled a second time, for the compiler's own use.
pub fn migrator(migrations: &[(&'static str, &'static str)]) -> Migrator {
    let migration = |(version, (name, text)): (i64, &(&'static str, &'static str))| {
        let sql = SqlStr::from_static(text);
        Migration::new(version, (*name).into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations((1..).zip(migrations).map(migration).collect())
}

/// The migrations of a service.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// Name of the service's binary.
    service: &'static str,
    migrator: fn() -> Migrator,
}

impl Migrations {
    /// The migrations of `migrator`, for the binary `service`.
    pub const fn new(service: &'static str, migrator: fn() -> Migrator) -> Self {
        Self { service, migrator }
    }

    #[cfg(test)]
    pub(crate) const fn none() -> Self {
        Self::new("test", || Migrator::DEFAULT)
    }

    /// All migrations, in order.
    pub(crate) fn all(self) -> Migrator {
        (self.migrator)()
    }

    /// Applies missing migrations to PostgreSQL; returns their names.
    pub(crate) async fn apply(self, connection: &mut PgConnection) -> Result<Vec<String>, MigrateError> {
        let ledger = self.ledger();
        // If the connection breaks, the server releases the lock.
        connection.lock().await?;
        connection.ensure_migrations_table(&ledger).await?;
        if let Some(version) = connection.dirty_version(&ledger).await? {
            return Err(MigrateError::Dirty(version));
        }
        let before = connection.list_applied_migrations(&ledger).await?;
        let migrator = self.all();
        let mut applied = Vec::new();
        for migration in missing(&migrator, &before)? {
            connection.apply(&ledger, migration).await?;
            applied.push(display_name(migration));
        }
        connection.unlock().await?;
        Ok(applied)
    }

    /// Checks that all migrations are applied in PostgreSQL. Those of a newer release are ignored.
    pub(crate) async fn check(self, connection: &mut PgConnection) -> Result<(), OpenError> {
        let applied = match connection.list_applied_migrations(&self.ledger()).await {
            Ok(applied) => applied,
            Err(MigrateError::Execute(sqlx::Error::Database(error)))
                if error.code().is_some_and(|code| code == UNDEFINED_TABLE) =>
            {
                return Err(OpenError::OutOfDate(self.service));
            }
            Err(error) => return Err(error.into()),
        };
        for migration in self.all().iter() {
            let Some(found) = applied.iter().find(|found| found.version == migration.version) else {
                return Err(OpenError::OutOfDate(self.service));
            };
            if found.checksum != migration.checksum {
                return Err(MigrateError::VersionMismatch(migration.version).into());
            }
        }
        Ok(())
    }

    /// Table of applied migrations. One per service, so that two services may share a database.
    fn ledger(&self) -> String {
        format!("_{}_migrations", self.service.replace('-', "_"))
    }
}

/// The migrations not applied yet. An error if an applied one is unknown or has changed.
fn missing<'a>(
    migrator: &'a Migrator,
    applied: &[AppliedMigration],
) -> Result<Vec<&'a Migration>, MigrateError> {
    if let Some(unknown) = applied.iter().find(|applied| !migrator.version_exists(applied.version)) {
        return Err(MigrateError::VersionMissing(unknown.version));
    }
    let mut missing = Vec::new();
    for migration in migrator.iter() {
        match applied.iter().find(|applied| applied.version == migration.version) {
            Some(found) if found.checksum != migration.checksum => {
                return Err(MigrateError::VersionMismatch(migration.version));
            }
            Some(_) => {}
            None => missing.push(migration),
        }
    }
    Ok(missing)
}

/// Display name of a migration: `0001 sessions`.
pub(crate) fn display_name(migration: &Migration) -> String {
    format!("{:04} {}", migration.version, migration.description)
}
