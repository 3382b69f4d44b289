//! The settings of FlexWebchatOrchestratorService.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use secrecy::ExposeSecret;
use service_runtime::{
    Clock, ServiceCredential, Setting, SettingError, Settings,
    client::PeerConfig,
    command::Program,
    random::Random,
    server,
    settings::Requirement::{Default, DefaultSecret, Optional, Required, Secret},
    spans::{self, Sampling, SpanConfig},
    tls,
};
use shared_types::fingerprint::FingerprintKeys;
use store::DatabaseConfig;

use crate::{
    admission::{answer_budget::AnswerBudget, client_address::TrustedProxies},
    authorize::config::{self as authorize, AuthorizeConfig},
    cli,
    clients::webhook,
    dpop::PublicUrls,
    handlers::desk::resources::MAX_HOST,
};

/// The binary and its settings.
pub const PROGRAM: Program = Program {
    name: "orchestrator",
    about: "FlexWebchatOrchestratorService: issues session tokens of web chat, bound to browser and page",
    prefix: "ORCHESTRATOR_",
    settings: &[
        Setting {
            name: "listen",
            default: Default("127.0.0.1:8080"),
            help: "Address for browsers, through Starship",
        },
        Setting {
            name: "admin_listen",
            default: Default("127.0.0.1:9080"),
            help: "Address of /healthz, /readyz and /metrics",
        },
        Setting {
            name: "desk_listen",
            default: Optional,
            help: "Address of the desk's API, for servers with an API key of accounts.toml; without it there is no such API",
        },
        Setting {
            name: "desk_url",
            default: Optional,
            help: "URL under which desks reach that address, for the links in its responses; default: the request's own",
        },
        authorize::LISTEN,
        authorize::SECRET,
        Setting { name: "workers", default: Default("2"), help: "Threads that serve requests" },
        Setting {
            name: "drain_seconds",
            default: Default("5"),
            help: "Drain time after SIGTERM: not ready, still serving",
        },
        server::KEEP_ALIVE_SETTING,
        Setting {
            name: "accounts_file",
            default: Required,
            help: "accounts.toml: accounts, deployments and their configuration; reloaded on change",
        },
        Setting {
            name: "database_url",
            default: DefaultSecret("sqlite://data/conversations.db"),
            help: "Database of conversations: an SQLite file, created if missing, or `postgres://USER:PASSWORD@HOST/DATABASE`",
        },
        Setting {
            name: "database_connections",
            default: Default("8"),
            help: "Maximum number of PostgreSQL connections of this replica",
        },
        Setting {
            name: "conversation_retention_days",
            default: Default("30"),
            help: "Days after its last message until a conversation is removed",
        },
        Setting {
            name: "federated_auth_url",
            default: Default("http://127.0.0.1:8081"),
            help: "URL of FederatedAuthService",
        },
        Setting {
            name: "federated_auth_secret",
            default: Secret,
            help: "Shared secret that authenticates this service to FederatedAuthService",
        },
        Setting {
            name: "federated_auth_timeout_ms",
            default: Default("3000"),
            help: "Timeout of a request to FederatedAuthService",
        },
        Setting {
            name: "federated_auth_ca",
            default: Optional,
            help: "PEM file with the CA certificates that FederatedAuthService's certificate must chain to; required with an https URL; reloaded on change",
        },
        Setting {
            name: "federated_auth_certificate",
            default: Optional,
            help: "PEM file with this service's client certificate for FederatedAuthService, and its chain",
        },
        Setting {
            name: "federated_auth_key",
            default: Optional,
            help: "PEM file with the private key of that certificate",
        },
        Setting {
            name: "flex_configuration_url",
            default: Optional,
            help: "URL of a Flex Configuration service, which replaces allowedOrigins of accounts.toml; of another orchestrator, its admin listener",
        },
        Setting {
            name: "flex_configuration_timeout_ms",
            default: Default("1000"),
            help: "Timeout of a request to the Flex Configuration service",
        },
        Setting {
            name: "fingerprint_key",
            default: Secret,
            help: "Key of fingerprints: 32 or more random bytes in base64url, for example from `openssl rand -hex 32`; up to four during rotation, comma separated, the active one first",
        },
        Setting {
            name: "trusted_proxies",
            default: Optional,
            help: "Addresses or networks of the proxies whose X-Forwarded-For is trusted, comma separated",
        },
        Setting {
            name: "public_urls",
            default: Optional,
            help: "URLs under which pages reach this service, comma separated; proofs of possession must name one; default: derived from the request's headers",
        },
        Setting {
            name: "answer_bytes",
            default: Default("33554432"),
            help: "Memory budget for responses in flight, in bytes; a visitor's share is 1/16, at most 256 KiB",
        },
        Setting {
            name: "waiting",
            default: Default("2000"),
            help: "Maximum number of guests' requests that wait for a message, in this replica",
        },
        Setting {
            name: "webhook_allow_private",
            default: Default("false"),
            help: "Whether webhooks may have `http` URLs and private addresses, for receivers in the same network: true or false",
        },
        spans::OTLP_ENDPOINT,
        Setting {
            name: "trace_share",
            default: Default("0.01"),
            help: "Share of requests that are traced, 0 to 1; upstream services follow it",
        },
        Setting {
            name: "welcome_message",
            default: Default("Welcome! Someone will be with you in a moment."),
            help: "The message of the service at the beginning of every conversation",
        },
    ],
    subcommands: &[
        cli::accounts::ACCOUNTS,
        cli::explain_fingerprint::EXPLAIN_FINGERPRINT,
        cli::guests::GUESTS,
        cli::migrate::MIGRATE,
        cli::webhooks::WEBHOOKS,
    ],
};

/// The configuration of FlexWebchatOrchestratorService.
#[derive(Clone)]
pub struct Config {
    /// Threads that serve requests.
    pub workers: usize,
    /// Drain time after SIGTERM: not ready, still serving.
    pub drain: Duration,
    /// How long idle connections stay open.
    pub keep_alive: Duration,
    /// accounts.toml.
    pub accounts_file: PathBuf,
    /// Interval at which accounts.toml is polled.
    pub accounts_period: Duration,
    /// The database of conversations.
    pub database: DatabaseConfig,
    /// Time after its last message until a conversation is removed.
    pub conversation_retention: Duration,
    /// URL, credential and timeout of FederatedAuthService.
    pub federated_auth: PeerConfig,
    /// URL and timeout of the Flex Configuration service, if there is one.
    pub flex_configuration: Option<PeerConfig>,
    /// Keys of fingerprints.
    pub fingerprint_keys: Arc<FingerprintKeys>,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// URLs under which pages reach this service, if configured.
    pub public_urls: PublicUrls,
    /// Memory budget for responses in flight, in bytes.
    pub answer_bytes: usize,
    /// Maximum number of waiting requests.
    pub waiting: usize,
    /// Trace exporter and sampling.
    pub spans: SpanConfig,
    /// The message of the service at the beginning of every conversation.
    pub welcome_message: String,
    /// Address of the desk's API; `None` if there is none.
    pub desk_listen: Option<SocketAddr>,
    /// URL under which desks reach this service, if configured.
    pub desk_url: Option<String>,
    /// The listener for proxies; `None` if there is none.
    pub authorize: Option<AuthorizeConfig>,
    /// Whether webhooks may have `http` URLs and private addresses.
    pub webhook_allow_private: bool,
    /// Resolves the hosts of webhooks.
    pub webhook_lookup: webhook::Lookup,
    /// The clock.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
}

/// Its length is in every link of a response, whose size is bounded.
fn desk_url(settings: &Settings) -> Result<Option<String>, SettingError> {
    let url = settings.base_url("desk_url")?;
    if url.as_ref().is_some_and(|url| url.len() > MAX_HOST) {
        return Err(settings.error("desk_url", "expected at most 128 characters"));
    }
    Ok(url)
}

impl Config {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let credential = settings.credential("federated_auth_secret")?;
        let base_url = settings.base_url("federated_auth_url")?.unwrap_or_default();
        let tls = tls::caller(settings, "federated_auth", &base_url)?;
        let timeout = settings.milliseconds("federated_auth_timeout_ms", 10_000)?;
        let flex_configuration_timeout = settings.milliseconds("flex_configuration_timeout_ms", 10_000)?;
        let fingerprint_keys =
            FingerprintKeys::from_base64url(settings.secret("fingerprint_key")?.expose_secret())
                .map_err(|error| settings.error("fingerprint_key", error))?;
        Ok(Self {
            workers: settings.number("workers", 1, 256)? as usize,
            drain: Duration::from_secs(settings.number("drain_seconds", 0, 600)?),
            keep_alive: server::keep_alive(settings)?,
            accounts_file: settings.parse("accounts_file", "a path")?,
            // A change counts at its second read: this is less than a second for a removed API key.
            accounts_period: Duration::from_millis(400),
            database: DatabaseConfig::from_settings(settings)?,
            conversation_retention: Duration::from_secs(
                settings.number("conversation_retention_days", 1, 36_500)? * 24 * 3600,
            ),
            federated_auth: PeerConfig { tls, ..Self::federated_auth(base_url, credential, timeout) },
            flex_configuration: settings
                .base_url("flex_configuration_url")?
                .map(|base_url| Self::flex_configuration(base_url, flex_configuration_timeout)),
            fingerprint_keys: Arc::new(fingerprint_keys),
            trusted_proxies: settings
                .optional("trusted_proxies", "addresses or networks such as 10.0.0.0/8, comma separated")?
                .unwrap_or_default(),
            public_urls: settings
                .optional("public_urls", "URLs such as https://chat.example.com, comma separated")?
                .unwrap_or_default(),
            answer_bytes: settings.number("answer_bytes", AnswerBudget::MIN as u64, 1 << 33)? as usize,
            waiting: settings.number("waiting", 1, 1_000_000)? as usize,
            spans: SpanConfig {
                endpoint: settings.base_url("otlp_endpoint")?,
                sampling: Sampling::Ratio(settings.share("trace_share")?),
            },
            welcome_message: settings.parse("welcome_message", "a text")?,
            desk_listen: settings.optional("desk_listen", "an address such as 127.0.0.1:8083")?,
            desk_url: desk_url(settings)?,
            authorize: AuthorizeConfig::from_settings(settings)?,
            webhook_allow_private: settings.parse("webhook_allow_private", "true or false")?,
            webhook_lookup: webhook::system_lookup(),
            clock: Clock::system(),
            random: Random::default(),
        })
    }

    /// Connection parameters of FederatedAuthService, without TLS.
    pub fn federated_auth(base_url: String, credential: ServiceCredential, timeout: Duration) -> PeerConfig {
        PeerConfig {
            name: "FederatedAuthService",
            base_url,
            credential: Some(credential),
            timeout,
            tls: None,
            in_process: None,
        }
    }

    /// Connection parameters of the Flex Configuration service. Its data is public, so it needs no credential.
    pub fn flex_configuration(base_url: String, timeout: Duration) -> PeerConfig {
        PeerConfig {
            name: "FlexConfiguration",
            base_url,
            credential: None,
            timeout,
            tls: None,
            in_process: None,
        }
    }
}
