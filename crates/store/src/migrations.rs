//! The tables of a service, as numbered changes. On SQLite the service brings them up to date when it starts. On
//! PostgreSQL `migrate` does, under the engine's own lock, so that any number may run it at once; a service that starts
//! only checks, and an older release goes on beside a newer one's tables.

use sqlx::{
    PgConnection,
    migrate::{AppliedMigration, Migrate as _, MigrateError, Migration, Migrator},
};

use crate::error::OpenError;

/// What PostgreSQL says of a table that is not there.
const UNDEFINED_TABLE: &str = "42P01";

/// The tables of one service.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// The service's binary.
    service: &'static str,
    migrator: fn() -> Migrator,
}

impl Migrations {
    /// Those that `migrator` gives, of the binary `service`.
    pub const fn new(service: &'static str, migrator: fn() -> Migrator) -> Self {
        Self { service, migrator }
    }

    #[cfg(test)]
    pub(crate) const fn none() -> Self {
        Self::new("test", || Migrator::DEFAULT)
    }

    /// All of them, in their order.
    pub(crate) fn all(self) -> Migrator {
        (self.migrator)()
    }

    /// Applies those that are missing in PostgreSQL, and tells their names.
    pub(crate) async fn apply(self, connection: &mut PgConnection) -> Result<Vec<String>, MigrateError> {
        let ledger = self.ledger();
        // A connection that breaks gives the lock back.
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
            applied.push(told(migration));
        }
        connection.unlock().await?;
        Ok(applied)
    }

    /// Whether all are applied in PostgreSQL. Those of a newer release do not matter.
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

    /// The table where it is written down which are applied. Each service has its own, so that two may share a database.
    fn ledger(&self) -> String {
        format!("_{}_migrations", self.service.replace('-', "_"))
    }
}

/// Those that have not been applied, where what has been is known and has not changed since.
pub(crate) fn missing<'a>(
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

/// A migration as an operator is told of it: `0001 sessions`.
pub(crate) fn told(migration: &Migration) -> String {
    format!("{:04} {}", migration.version, migration.description)
}
