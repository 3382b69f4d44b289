//! The settings of FederatedAuthService.

use std::time::Duration;

use secrecy::SecretString;
use service_runtime::{
    Clock, ServiceCredential, Setting, SettingError, Settings,
    client::PeerConfig,
    command::Program,
    random::Random,
    server,
    settings::Requirement::{Default, Optional, Secret},
    spans::{self, Sampling, SpanConfig},
    tls::{self, CalleeTls},
};

/// The binary and its settings.
pub const PROGRAM: Program = Program {
    name: "federated-auth",
    about: "FederatedAuthService: decides which grants a session token has and how long it lives",
    prefix: "FEDERATED_AUTH_",
    settings: &[
        Setting {
            name: "listen",
            default: Default("127.0.0.1:8081"),
            help: "Address that FlexWebchatOrchestratorService connects to",
        },
        Setting {
            name: "admin_listen",
            default: Default("127.0.0.1:9081"),
            help: "Address of the admin listener: /healthz, /readyz, /metrics",
        },
        Setting { name: "workers", default: Default("2"), help: "Threads that serve requests" },
        Setting {
            name: "drain_seconds",
            default: Default("5"),
            help: "Drain time after SIGTERM: not ready, still serving",
        },
        server::KEEP_ALIVE_SETTING,
        Setting {
            name: "tls_certificate",
            default: Optional,
            help: "PEM file with its certificate chain; with the next two settings it accepts HTTPS only; reloaded when the files change",
        },
        Setting { name: "tls_key", default: Optional, help: "PEM file with the certificate's key" },
        Setting {
            name: "tls_client_ca",
            default: Optional,
            help: "PEM file with the CAs that FlexWebchatOrchestratorService's certificate must chain to",
        },
        Setting {
            name: "orchestrator_secret",
            default: Secret,
            help: "Secret that FlexWebchatOrchestratorService authenticates with; several, comma separated, while one is replaced",
        },
        Setting {
            name: "scoped_auth_url",
            default: Default("http://127.0.0.1:8082"),
            help: "URL of ScopedAuthService",
        },
        Setting {
            name: "scoped_auth_secret",
            default: Secret,
            help: "Shared secret that authenticates this service to ScopedAuthService",
        },
        Setting {
            name: "scoped_auth_timeout_ms",
            default: Default("1000"),
            help: "Timeout of a request to ScopedAuthService",
        },
        Setting {
            name: "scoped_auth_ca",
            default: Optional,
            help: "PEM file with the CA certificates that ScopedAuthService's certificate must chain to; required with an https URL; reloaded on change",
        },
        Setting {
            name: "scoped_auth_certificate",
            default: Optional,
            help: "PEM file with this service's client certificate for ScopedAuthService, and its chain",
        },
        Setting {
            name: "scoped_auth_key",
            default: Optional,
            help: "PEM file with the private key of that certificate",
        },
        Setting {
            name: "token_ttl_seconds",
            default: Default("21600"),
            help: "Lifetime of a token; the end of its session may cut it short",
        },
        spans::OTLP_ENDPOINT,
    ],
    subcommands: &[],
};

/// Configuration of FederatedAuthService.
#[derive(Clone)]
pub struct Config {
    /// Threads that serve requests.
    pub workers: usize,
    /// Drain time at shutdown.
    pub drain: Duration,
    /// How long idle connections stay open.
    pub keep_alive: Duration,
    /// Its certificate and the authorities of its caller, if it serves HTTPS.
    pub tls: Option<CalleeTls>,
    /// The accepted secrets of the orchestrator.
    pub orchestrator_secrets: Vec<SecretString>,
    /// Client configuration for ScopedAuthService.
    pub scoped_auth: PeerConfig,
    /// Lifetime of a token, in seconds.
    pub token_ttl_seconds: u32,
    /// Export of traces.
    pub spans: SpanConfig,
    /// Source of time.
    pub clock: Clock,
    /// Source of randomness.
    pub random: Random,
}

impl Config {
    /// Builds the configuration from the settings of the environment.
    pub fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let credential = settings.credential("scoped_auth_secret")?;
        let base_url = settings.base_url("scoped_auth_url")?.unwrap_or_default();
        let tls = tls::caller(settings, "scoped_auth", &base_url)?;
        let timeout = settings.milliseconds("scoped_auth_timeout_ms", 10_000)?;
        let ttl = settings.number("token_ttl_seconds", 1, u64::from(u32::MAX))?;
        Ok(Self {
            workers: settings.number("workers", 1, 256)? as usize,
            drain: Duration::from_secs(settings.number("drain_seconds", 0, 600)?),
            keep_alive: server::keep_alive(settings)?,
            tls: tls::callee(settings)?,
            orchestrator_secrets: settings.secrets("orchestrator_secret")?,
            scoped_auth: PeerConfig { tls, ..Self::scoped_auth(base_url, credential, timeout) },
            token_ttl_seconds: u32::try_from(ttl).unwrap_or(u32::MAX),
            spans: SpanConfig {
                endpoint: settings.base_url("otlp_endpoint")?,
                sampling: Sampling::ParentBased,
            },
            clock: Clock::system(),
            random: Random::default(),
        })
    }

    /// Client configuration for ScopedAuthService over plain HTTP.
    pub fn scoped_auth(base_url: String, credential: ServiceCredential, timeout: Duration) -> PeerConfig {
        PeerConfig {
            name: "ScopedAuthService",
            base_url,
            credential: Some(credential),
            timeout,
            tls: None,
            in_process: None,
        }
    }
}
