//! The tables of a service, as numbered changes. On SQLite the service brings them up to date when it starts. On
//! PostgreSQL `migrate` does, under the engine's own lock, so that any number may run it at once; a service that starts
//! only checks, and an older release goes on beside a newer one's tables.

use sqlx::{
    AnyConnection,
    migrate::{Migrate as _, MigrateError, Migrator},
};

use super::{Engine, OpenError};

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

    /// Applies those that are missing, and tells their names.
    pub(super) async fn apply(
        self,
        connection: &mut AnyConnection,
        engine: Engine,
    ) -> Result<Vec<String>, MigrateError> {
        let (migrator, ledger) = ((self.migrator)(), self.ledger(engine));
        // A connection that breaks gives the lock back.
        connection.lock().await?;
        connection.ensure_migrations_table(&ledger).await?;
        if let Some(version) = connection.dirty_version(&ledger).await? {
            return Err(MigrateError::Dirty(version));
        }
        let before = connection.list_applied_migrations(&ledger).await?;
        if let Some(unknown) = before.iter().find(|applied| !migrator.version_exists(applied.version)) {
            return Err(MigrateError::VersionMissing(unknown.version));
        }
        let mut applied = Vec::new();
        for migration in migrator.iter() {
            match before.iter().find(|applied| applied.version == migration.version) {
                Some(found) if found.checksum != migration.checksum => {
                    return Err(MigrateError::VersionMismatch(migration.version));
                }
                Some(_) => {}
                None => {
                    connection.apply(&ledger, migration).await?;
                    applied.push(format!("{:04} {}", migration.version, migration.description));
                }
            }
        }
        connection.unlock().await?;
        Ok(applied)
    }

    /// Whether all are applied in PostgreSQL. Those of a newer release do not matter.
    pub(super) async fn check(self, connection: &mut AnyConnection) -> Result<(), OpenError> {
        let applied = match connection.list_applied_migrations(&self.ledger(Engine::Postgres)).await {
            Ok(applied) => applied,
            Err(MigrateError::Execute(sqlx::Error::Database(error)))
                if error.code().is_some_and(|code| code == UNDEFINED_TABLE) =>
            {
                return Err(OpenError::OutOfDate(self.service));
            }
            Err(error) => return Err(error.into()),
        };
        for migration in (self.migrator)().iter() {
            let Some(found) = applied.iter().find(|found| found.version == migration.version) else {
                return Err(OpenError::OutOfDate(self.service));
            };
            if found.checksum != migration.checksum {
                return Err(MigrateError::VersionMismatch(migration.version).into());
            }
        }
        Ok(())
    }

    /// The table where it is written down which are applied. In PostgreSQL each service has its own, so that two may
    /// share a database.
    fn ledger(&self, engine: Engine) -> String {
        match engine {
            Engine::Sqlite => "_sqlx_migrations".to_owned(),
            Engine::Postgres => format!("_{}_migrations", self.service.replace('-', "_")),
        }
    }
}
