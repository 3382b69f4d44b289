//! The settings of FlexWebchatOrchestratorService.

use std::{path::PathBuf, sync::Arc, time::Duration};

use secrecy::ExposeSecret;
use service_runtime::{
    Clock, ServiceCredential, Setting, SettingError, Settings,
    client::PeerConfig,
    command::Program,
    random::Random,
    settings::Requirement::{Default, DefaultSecret, Optional, Required, Secret},
    spans::{self, Sampling, SpanConfig},
    tls,
};
use shared_types::fingerprint::FingerprintKeys;
use store::DatabaseConfig;

use crate::{
    accounts_tools, answer_budget::AnswerBudget, client_address::TrustedProxies, dpop::PublicUrls, explain,
    tools,
};

/// The binary and its settings.
pub const PROGRAM: Program = Program {
    name: "orchestrator",
    about: "FlexWebchatOrchestratorService: gives guests of web chat tokens that are bound to their browser and page",
    prefix: "ORCHESTRATOR_",
    settings: &[
        Setting {
            name: "listen",
            default: Default("127.0.0.1:8080"),
            help: "Where browsers call, through Starship",
        },
        Setting {
            name: "admin_listen",
            default: Default("127.0.0.1:9080"),
            help: "Where /healthz, /readyz and /metrics are answered",
        },
        Setting { name: "workers", default: Default("2"), help: "Threads that serve requests" },
        Setting {
            name: "drain_seconds",
            default: Default("5"),
            help: "How long it serves on at the stop, not ready, until nobody sends it requests any more",
        },
        Setting {
            name: "accounts_file",
            default: Required,
            help: "accounts.toml: accounts, deployments and their configuration; followed when it changes",
        },
        Setting {
            name: "database_url",
            default: DefaultSecret("sqlite://data/conversations.db"),
            help: "Where conversations are kept: a file of SQLite, made if it is missing, or `postgres://USER:PASSWORD@HOST/DATABASE`",
        },
        Setting {
            name: "database_connections",
            default: Default("8"),
            help: "Connections of this replica to PostgreSQL, at most",
        },
        Setting {
            name: "conversation_retention_days",
            default: Default("30"),
            help: "How many days after its last message a conversation is removed",
        },
        Setting {
            name: "federated_auth_url",
            default: Default("http://127.0.0.1:8081"),
            help: "Where FederatedAuthService is called",
        },
        Setting {
            name: "federated_auth_secret",
            default: Secret,
            help: "What proves this service to FederatedAuthService",
        },
        Setting {
            name: "federated_auth_timeout_ms",
            default: Default("3000"),
            help: "How long a call to FederatedAuthService may take",
        },
        Setting {
            name: "federated_auth_ca",
            default: Optional,
            help: "PEM file with the authorities that FederatedAuthService's certificate must chain to; required with an https URL; followed when it changes",
        },
        Setting {
            name: "federated_auth_certificate",
            default: Optional,
            help: "PEM file with the certificate that is shown to FederatedAuthService, and its chain",
        },
        Setting {
            name: "federated_auth_key",
            default: Optional,
            help: "PEM file with that certificate's key",
        },
        Setting {
            name: "flex_configuration_url",
            default: Optional,
            help: "A Flex Configuration service that allowedOrigins come from, instead of from accounts.toml",
        },
        Setting {
            name: "flex_configuration_timeout_ms",
            default: Default("1000"),
            help: "How long a call to the Flex Configuration service may take",
        },
        Setting {
            name: "fingerprint_key",
            default: Secret,
            help: "What fingerprints are keyed with: 32 random bytes or more, base64url; `openssl rand -hex 32` makes one that will do; up to four, comma separated, the active one first, while one is replaced",
        },
        Setting {
            name: "trusted_proxies",
            default: Optional,
            help: "Addresses or networks, comma separated, whose X-Forwarded-For is believed",
        },
        Setting {
            name: "public_urls",
            default: Optional,
            help: "Where pages call this service, comma separated; proofs of possession must name one, or else what the call's headers say",
        },
        Setting {
            name: "answer_bytes",
            default: Default("33554432"),
            help: "Memory for answers that visitors have not read yet, in bytes; of it a visitor holds 1/16 and 256 KiB at most",
        },
        spans::OTLP_ENDPOINT,
        Setting {
            name: "trace_share",
            default: Default("0.01"),
            help: "Which share of the requests is traced, 0 to 1; the services behind follow it",
        },
        Setting {
            name: "welcome_message",
            default: Default("Welcome! Someone will be with you in a moment."),
            help: "The first message of every conversation",
        },
    ],
    subcommands: &[accounts_tools::ACCOUNTS, explain::TOOLS, tools::MIGRATE],
};

/// What FlexWebchatOrchestratorService runs with.
#[derive(Clone)]
pub struct Config {
    /// Threads that serve requests.
    pub workers: usize,
    /// How long it serves on at the stop.
    pub drain: Duration,
    /// accounts.toml.
    pub accounts_file: PathBuf,
    /// How often accounts.toml is looked at.
    pub accounts_period: Duration,
    /// Where conversations are kept.
    pub database: DatabaseConfig,
    /// How long after its last message a conversation is kept.
    pub conversation_retention: Duration,
    /// How FederatedAuthService is called.
    pub federated_auth: PeerConfig,
    /// How the Flex Configuration service is called, if there is one.
    pub flex_configuration: Option<PeerConfig>,
    /// What fingerprints are keyed with.
    pub fingerprint_keys: Arc<FingerprintKeys>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Where pages call this service, if it is told.
    pub public_urls: PublicUrls,
    /// Memory for answers in flight, in bytes.
    pub answer_bytes: usize,
    /// Where traces go, and of how many requests.
    pub spans: SpanConfig,
    /// The first message of every conversation.
    pub welcome_message: String,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
}

impl Config {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        let credential = ServiceCredential::new(&settings.secret("federated_auth_secret")?)
            .ok_or_else(|| settings.error("federated_auth_secret", ServiceCredential::EXPECTED))?;
        let base_url = settings.base_url("federated_auth_url")?.unwrap_or_default();
        let tls = tls::caller(settings, "federated_auth", &base_url)?;
        let timeout = settings.milliseconds("federated_auth_timeout_ms", 10_000)?;
        let configuration_timeout = settings.milliseconds("flex_configuration_timeout_ms", 10_000)?;
        let fingerprint_keys =
            FingerprintKeys::from_base64url(settings.secret("fingerprint_key")?.expose_secret())
                .map_err(|error| settings.error("fingerprint_key", error))?;
        Ok(Self {
            workers: settings.number("workers", 1, 256)? as usize,
            drain: Duration::from_secs(settings.number("drain_seconds", 0, 600)?),
            accounts_file: settings.parse("accounts_file", "a path")?,
            accounts_period: Duration::from_secs(1),
            database: DatabaseConfig::from_settings(settings)?,
            conversation_retention: Duration::from_secs(
                settings.number("conversation_retention_days", 1, 36_500)? * 24 * 3600,
            ),
            federated_auth: PeerConfig { tls, ..Self::federated_auth(base_url, credential, timeout) },
            flex_configuration: settings
                .base_url("flex_configuration_url")?
                .map(|base_url| Self::flex_configuration(base_url, configuration_timeout)),
            fingerprint_keys: Arc::new(fingerprint_keys),
            trusted_proxies: settings
                .optional("trusted_proxies", "addresses or networks such as 10.0.0.0/8, comma separated")?
                .unwrap_or_default(),
            public_urls: settings
                .optional("public_urls", "URLs such as https://chat.example.com, comma separated")?
                .unwrap_or_default(),
            answer_bytes: settings.number("answer_bytes", AnswerBudget::LEAST as u64, 1 << 33)? as usize,
            spans: SpanConfig {
                endpoint: settings.base_url("otlp_endpoint")?,
                sampling: Sampling::Ratio(settings.share("trace_share")?),
            },
            welcome_message: settings.parse("welcome_message", "a text")?,
            clock: Clock::system(),
            random: Random::default(),
        })
    }

    /// FederatedAuthService as a peer.
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

    /// The Flex Configuration service as a peer. What it tells is public, so it asks for no credential.
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
