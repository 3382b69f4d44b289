//! The settings of ScopedAuthService: `SCOPED_AUTH_` and a field's name, in upper case. The groups are read by commands that
//! do without the other settings.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_inline_default::serde_inline_default;
use service_runtime::{
    server::ServerSettings,
    settings::{Days, FilePath, Milliseconds, Number, Seconds, SecretList, UrlIdentifier, group},
    spans::SpanSettings,
    tls::CalleeSettings,
};
use store::{Connections, DatabaseConfig, DatabaseUrl};

/// The default port.
pub const PORT: u16 = 8082;

/// In seconds.
const YEAR: u64 = 366 * 24 * 3600;

/// The settings of ScopedAuthService.
#[serde_inline_default]
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ScopedAuthSettings {
    /// Its server.
    #[serde(flatten, deserialize_with = "group")]
    pub server: ServerSettings<PORT>,
    /// Its certificate, for HTTPS.
    #[serde(flatten, deserialize_with = "group")]
    pub tls: CalleeSettings,
    /// Secret that FederatedAuthService authenticates with; several, comma separated, while one is replaced.
    pub federated_auth_secret: SecretList,
    /// The key file.
    #[serde(flatten, deserialize_with = "group")]
    pub keys: KeysSettings,
    /// URL that names this installation as the issuer of guest assertions; without it there are none: `Token/Assertion` is
    /// 404.
    pub issuer: Option<UrlIdentifier>,
    /// The lifetime of sessions.
    #[serde(flatten, deserialize_with = "group")]
    pub session: SessionSettings,
    /// The database.
    #[serde(flatten, deserialize_with = "group")]
    pub database: DatabaseSettings,
    /// Maximum duration of a request's database calls; less than `FEDERATED_AUTH_SCOPED_AUTH_TIMEOUT_MS`, so that the caller
    /// gets a 503 with `Retry-After`.
    #[serde_inline_default(Milliseconds::of::<800>())]
    pub database_timeout_ms: Milliseconds<10_000>,
    /// How long a replaced token still gets the same successor: the response was lost, or another tab refreshed at the same
    /// time.
    #[serde_inline_default(Seconds::of::<60>())]
    pub refresh_grace_seconds: Seconds<0, 3600>,
    /// How long after its expiry a token may be refreshed by the browser or DPoP key that it is bound to, within the
    /// session's lifetime.
    #[serde_inline_default(Seconds::of::<86_400>())]
    pub resume_window_seconds: Seconds<0, YEAR>,
    /// How often a replica reads revocations by others.
    #[serde_inline_default(Milliseconds::of::<500>())]
    pub revocation_poll_ms: Milliseconds<2000>,
    /// Maximum age of a replica's revocation list; beyond it every token is rejected.
    #[serde_inline_default(Seconds::of::<30>())]
    pub revocation_staleness_seconds: Seconds<1, 3600>,
    /// How many days revocations are kept. An identity whose last session is older is not granted again: set it to the
    /// longest conversation retention.
    #[serde_inline_default(Days::of::<30>())]
    pub revocation_retention_days: Days<36_500>,
    /// The operators.
    #[serde(flatten, deserialize_with = "group")]
    pub operator: OperatorSettings,
    /// The export of traces.
    #[serde(flatten, deserialize_with = "group")]
    pub spans: SpanSettings,
}

/// The key file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct KeysSettings {
    /// JWK Set with the keys of the tokens; `scoped-auth keys generate` creates one.
    pub keys_file: FilePath,
}

/// The lifetime of sessions, which keys outlive.
#[serde_inline_default]
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct SessionSettings {
    /// Maximum lifetime of a session, however often its token is refreshed.
    #[serde_inline_default(Seconds::of::<86_400>())]
    pub session_max_seconds: Seconds<1, YEAR>,
}

/// The database.
#[serde_inline_default]
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct DatabaseSettings {
    /// Database of sessions and revocations, shared by all replicas: an SQLite file, created if missing, or PostgreSQL.
    #[serde_inline_default(DatabaseUrl::sqlite("data/sessions.db"))]
    pub database_url: DatabaseUrl,
    /// Maximum connections of this replica to PostgreSQL; one more listens for revocations.
    #[serde_inline_default(Number::of::<8>())]
    pub database_connections: Connections,
}

impl DatabaseSettings {
    /// The database's configuration.
    pub fn config(self) -> DatabaseConfig {
        self.database_url.with_connections(self.database_connections)
    }
}

/// The operators of the admin listener.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct OperatorSettings {
    /// Secret that operators authenticate with on the admin listener; several, comma separated.
    #[serde(default)]
    pub operator_secret: SecretList,
}
