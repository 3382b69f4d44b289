//! The database's configuration. A PostgreSQL URL contains a password, so the URL is a secret.

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use service_runtime::settings::{Number, PASSWORD};

use crate::error::OpenError;

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

    /// The engine, by the URL's scheme.
    pub fn engine(&self) -> Result<Engine, OpenError> {
        engine(self.url())
    }

    pub(crate) fn url(&self) -> &str {
        self.url.expose_secret()
    }

    pub(crate) fn connections(&self) -> u32 {
        self.connections
    }
}

/// The setting of a database: `sqlite:PATH` or `postgres://…`. `Debug` redacts it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("format" = PASSWORD, "expected" = Self::EXPECTED))]
pub struct DatabaseUrl(SecretString);

/// The setting of the number of connections to PostgreSQL.
pub type Connections = Number<2, 1000>;

impl DatabaseUrl {
    const EXPECTED: &str = "sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE";

    /// A default: an SQLite file.
    pub fn sqlite(path: &str) -> Self {
        Self(SecretString::from(format!("sqlite://{path}")))
    }

    /// The database with this many connections.
    pub fn with_connections(self, connections: Connections) -> DatabaseConfig {
        let connections = u32::try_from(connections.get()).unwrap_or(CONNECTIONS);
        DatabaseConfig { url: self.0, connections }
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = OpenError;

    fn try_from(url: String) -> Result<Self, OpenError> {
        engine(&url)?;
        Ok(Self(SecretString::from(url)))
    }
}

/// A default as its documentation shows it. A PostgreSQL URL may contain a password, so only its scheme is shown.
impl From<DatabaseUrl> for String {
    fn from(DatabaseUrl(url): DatabaseUrl) -> Self {
        match engine(url.expose_secret()) {
            Ok(Engine::Sqlite) => url.expose_secret().to_owned(),
            Ok(Engine::Postgres) | Err(_) => "postgres://…".to_owned(),
        }
    }
}

fn engine(url: &str) -> Result<Engine, OpenError> {
    let (scheme, _) = url.split_once(':').ok_or(OpenError::Url)?;
    match scheme {
        "sqlite" => Ok(Engine::Sqlite),
        "postgres" | "postgresql" => Ok(Engine::Postgres),
        _ => Err(OpenError::Url),
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
        let setting = DatabaseUrl::try_from("postgres://user:hunter2@host/db".to_owned()).unwrap();
        assert!(!format!("{setting:?}").contains("hunter2"));
        assert_eq!(String::from(setting), "postgres://…");
    }
}
