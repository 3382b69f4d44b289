//! The database's configuration. A PostgreSQL URL contains a password, so the URL is a secret.

use secrecy::{ExposeSecret, SecretString};

use crate::error::OpenError;
use service_runtime::{SettingError, Settings};

/// Default number of connections per replica to PostgreSQL.
const CONNECTIONS: u32 = 8;

/// The database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file, or memory, of this process.
    Sqlite,
    /// A server shared by the replicas.
    Postgres,
}

/// URL and pool size of a database.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    url: SecretString,
    connections: u32,
}

impl DatabaseConfig {
    /// `sqlite:PATH` or `postgres://…`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: SecretString::from(url.into()), connections: CONNECTIONS }
    }

    /// The settings `database_url`, inline or from a file, and `database_connections`.
    pub fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let url = settings.secret("database_url")?;
        let connections = settings.number("database_connections", 2, 1000)?;
        let config = Self { url, connections: u32::try_from(connections).unwrap_or(CONNECTIONS) };
        config.engine().map_err(|error| settings.error("database_url", error))?;
        Ok(config)
    }

    /// The engine, by the URL's scheme.
    pub fn engine(&self) -> Result<Engine, OpenError> {
        let (scheme, _) = self.url().split_once(':').ok_or(OpenError::Url)?;
        match scheme {
            "sqlite" => Ok(Engine::Sqlite),
            "postgres" | "postgresql" => Ok(Engine::Postgres),
            _ => Err(OpenError::Url),
        }
    }

    pub(crate) fn url(&self) -> &str {
        self.url.expose_secret()
    }

    pub(crate) fn connections(&self) -> u32 {
        self.connections
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_determines_the_engine() {
        let engine = |url: &str| DatabaseConfig::new(url).engine();
        assert!(matches!(engine("sqlite::memory:"), Ok(Engine::Sqlite)));
        assert!(matches!(engine("postgres://host/db"), Ok(Engine::Postgres)));
        assert!(matches!(engine("postgresql://host/db"), Ok(Engine::Postgres)));
        for url in ["mysql://host/db", "sqlite", "", "/a/path"] {
            assert!(matches!(engine(url), Err(OpenError::Url)), "{url}");
        }
    }

    #[test]
    fn debug_hides_the_url() {
        let config = DatabaseConfig::new("postgres://user:hunter2@host/db");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
