//! The settings of FlexWebchatOrchestratorService: `ORCHESTRATOR_` and a field's name, in upper case. The groups are read by
//! commands that do without the other settings.

mod values;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_inline_default::serde_inline_default;
use service_runtime::{
    ServiceCredential,
    server::ServerSettings,
    settings::{Address, BaseUrl, Days, FilePath, Flag, Milliseconds, Number, Share, group},
    spans::SpanSettings,
};
use store::{Connections, DatabaseConfig, DatabaseUrl};

pub use self::values::{DeskUrl, FingerprintSecret};
use crate::{
    admission::{answer_budget::AnswerBudget, client_address::TrustedProxies},
    authorize::config::AuthorizeSettings,
    dpop::PublicUrls,
};

/// The default port.
pub const PORT: u16 = 8080;

/// The settings of FlexWebchatOrchestratorService.
#[serde_inline_default]
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct OrchestratorSettings {
    /// Its server, which browsers reach through Starship.
    #[serde(flatten, deserialize_with = "group")]
    pub server: ServerSettings<PORT>,
    /// Address of the desk's API, for servers with an API key of accounts.toml; without it there is no such API.
    pub desk_listen: Option<Address>,
    /// URL under which desks reach that address, for the links in its responses; default: the request's own.
    pub desk_url: Option<DeskUrl>,
    /// The listener for proxies.
    #[serde(flatten, deserialize_with = "group")]
    pub authorize: AuthorizeSettings,
    /// The accounts.
    #[serde(flatten, deserialize_with = "group")]
    pub accounts: AccountsSettings,
    /// The database of conversations.
    #[serde(flatten, deserialize_with = "group")]
    pub database: DatabaseSettings,
    /// Days after its last message until a conversation is removed.
    #[serde_inline_default(Days::of::<30>())]
    pub conversation_retention_days: Days<36_500>,
    /// URL of FederatedAuthService.
    #[serde_inline_default(BaseUrl::local(8081))]
    pub federated_auth_url: BaseUrl,
    /// Shared secret that authenticates this service to FederatedAuthService.
    pub federated_auth_secret: ServiceCredential,
    /// Timeout of a request to FederatedAuthService.
    #[serde_inline_default(Milliseconds::of::<3000>())]
    pub federated_auth_timeout_ms: Milliseconds<10_000>,
    /// PEM file with the CA certificates that FederatedAuthService's certificate must chain to; required with an https URL;
    /// reloaded on change.
    pub federated_auth_ca: Option<FilePath>,
    /// PEM file with this service's client certificate for FederatedAuthService, and its chain.
    pub federated_auth_certificate: Option<FilePath>,
    /// PEM file with the private key of that certificate.
    pub federated_auth_key: Option<FilePath>,
    /// URL of a Flex Configuration service, which replaces allowedOrigins of accounts.toml; of another orchestrator, its
    /// admin listener.
    pub flex_configuration_url: Option<BaseUrl>,
    /// Timeout of a request to the Flex Configuration service.
    #[serde_inline_default(Milliseconds::of::<1000>())]
    pub flex_configuration_timeout_ms: Milliseconds<10_000>,
    /// Key of fingerprints: random bytes, for example from `openssl rand -hex 32`; several during rotation, the active one
    /// first.
    pub fingerprint_key: FingerprintSecret,
    /// Proxies whose X-Forwarded-For is trusted.
    #[serde(default)]
    pub trusted_proxies: TrustedProxies,
    /// URLs under which pages reach this service; proofs of possession must name one; default: derived from the request's
    /// headers.
    #[serde(default)]
    pub public_urls: PublicUrls,
    /// Memory budget for responses in flight, in bytes; a visitor's share is 1/16, at most 256 KiB.
    #[serde_inline_default(Number::of::<33_554_432>())]
    pub answer_bytes: Number<{ AnswerBudget::MIN as u64 }, { 1 << 33 }>,
    /// Maximum number of guests' requests that wait for a message, in this replica.
    #[serde_inline_default(Number::of::<2000>())]
    pub waiting: Number<1, 1_000_000>,
    /// The webhooks.
    #[serde(flatten, deserialize_with = "group")]
    pub webhooks: WebhookSettings,
    /// The export of traces.
    #[serde(flatten, deserialize_with = "group")]
    pub spans: SpanSettings,
    /// Share of requests that are traced; upstream services follow it.
    #[serde_inline_default(Share(0.01))]
    pub trace_share: Share,
    /// The message of the service at the beginning of every conversation.
    #[serde_inline_default("Welcome! Someone will be with you in a moment.".to_owned())]
    pub welcome_message: String,
}

/// The accounts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct AccountsSettings {
    /// accounts.toml: accounts, deployments and their configuration; reloaded on change.
    pub accounts_file: FilePath,
}

/// The database of conversations.
#[serde_inline_default]
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct DatabaseSettings {
    /// Database of conversations: an SQLite file, created if missing, or PostgreSQL.
    #[serde_inline_default(DatabaseUrl::sqlite("data/conversations.db"))]
    pub database_url: DatabaseUrl,
    /// Maximum number of PostgreSQL connections of this replica.
    #[serde_inline_default(Number::of::<8>())]
    pub database_connections: Connections,
}

impl DatabaseSettings {
    /// The database's configuration.
    pub fn config(self) -> DatabaseConfig {
        self.database_url.with_connections(self.database_connections)
    }
}

/// The webhooks.
#[serde_inline_default]
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct WebhookSettings {
    /// Whether webhooks may have `http` URLs and private addresses, for receivers in the same network.
    #[serde_inline_default(Flag(false))]
    pub webhook_allow_private: Flag,
}
