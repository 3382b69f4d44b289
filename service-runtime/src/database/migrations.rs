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
        &self,
        connection: &mut AnyConnection,
        engine: Engine,
    ) -> Result<Vec<String>, MigrateError> {
        let mut migrator = (self.migrator)();
        migrator.dangerous_set_table_name(self.ledger(engine));
        // Locked here, and not by the migrator alone: what is missing must not change before it is applied.
        migrator.set_locking(false);
        connection.lock().await?;
        connection.ensure_migrations_table(&migrator.table_name).await?;
        let before = connection.list_applied_migrations(&migrator.table_name).await?;
        migrator.run(&mut *connection).await?;
        connection.unlock().await?;
        let is_new = |version| !before.iter().any(|applied| applied.version == version);
        let applied = migrator.iter().filter(|migration| is_new(migration.version));
        Ok(applied.map(|migration| format!("{:04} {}", migration.version, migration.description)).collect())
    }

    /// Whether all are applied in PostgreSQL. Those of a newer release do not matter.
    pub(super) async fn check(&self, connection: &mut AnyConnection) -> Result<(), OpenError> {
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
