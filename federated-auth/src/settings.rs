//! The settings of FederatedAuthService: `FEDERATED_AUTH_` and a field's name, in upper case.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_inline_default::serde_inline_default;
use service_runtime::{
    ServiceCredential,
    server::ServerSettings,
    settings::{BaseUrl, FilePath, Milliseconds, Number, SecretList, group},
    spans::SpanSettings,
    tls::CalleeSettings,
};

/// The default port.
pub const PORT: u16 = 8081;

/// The settings of FederatedAuthService.
#[serde_inline_default]
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct FederatedAuthSettings {
    /// Its server.
    #[serde(flatten, deserialize_with = "group")]
    pub server: ServerSettings<PORT>,
    /// Its certificate, for HTTPS.
    #[serde(flatten, deserialize_with = "group")]
    pub tls: CalleeSettings,
    /// Secret that FlexWebchatOrchestratorService authenticates with; several, comma separated, while one is replaced.
    pub orchestrator_secret: SecretList,
    /// URL of ScopedAuthService.
    #[serde_inline_default(BaseUrl::local(8082))]
    pub scoped_auth_url: BaseUrl,
    /// Shared secret that authenticates this service to ScopedAuthService.
    pub scoped_auth_secret: ServiceCredential,
    /// Timeout of a request to ScopedAuthService.
    #[serde_inline_default(Milliseconds::of::<1000>())]
    pub scoped_auth_timeout_ms: Milliseconds<10_000>,
    /// PEM file with the CA certificates that ScopedAuthService's certificate must chain to; required with an https URL;
    /// reloaded on change.
    pub scoped_auth_ca: Option<FilePath>,
    /// PEM file with this service's client certificate for ScopedAuthService, and its chain.
    pub scoped_auth_certificate: Option<FilePath>,
    /// PEM file with the private key of that certificate.
    pub scoped_auth_key: Option<FilePath>,
    /// Lifetime of a token; the end of its session may cut it short.
    #[serde_inline_default(Number::of::<21_600>())]
    pub token_ttl_seconds: Number<1, { u32::MAX as u64 }>,
    /// The export of traces.
    #[serde(flatten, deserialize_with = "group")]
    pub spans: SpanSettings,
}
