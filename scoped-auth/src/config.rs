//! The settings of ScopedAuthService.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use service_runtime::{
    Clock, Setting, SettingError, Settings,
    command::Program,
    database::DatabaseConfig,
    random::Random,
    settings::Requirement::{Default, DefaultSecret, Optional, OptionalSecret, Required, Secret},
    spans::{self, Sampling, SpanConfig},
    tls::{self, CalleeTls},
};

use crate::{cli, sessions::Rules};

/// The binary and its settings.
pub const PROGRAM: Program = Program {
    name: "scoped-auth",
    about: "ScopedAuthService: makes and judges session tokens; the only holder of keys",
    prefix: "SCOPED_AUTH_",
    settings: &[
        Setting {
            name: "listen",
            default: Default("127.0.0.1:8082"),
            help: "Where FederatedAuthService calls",
        },
        Setting {
            name: "admin_listen",
            default: Default("127.0.0.1:9082"),
            help: "Where /healthz, /readyz and /metrics are answered",
        },
        Setting { name: "workers", default: Default("2"), help: "Threads that serve requests" },
        Setting {
            name: "drain_seconds",
            default: Default("5"),
            help: "How long it serves on at the stop, not ready, until nobody sends it requests any more",
        },
        Setting {
            name: "tls_certificate",
            default: Optional,
            help: "PEM file with its certificate and the chain; with the next two it is called by https alone; followed when they change",
        },
        Setting { name: "tls_key", default: Optional, help: "PEM file with the certificate's key" },
        Setting {
            name: "tls_client_ca",
            default: Optional,
            help: "PEM file with the authorities that FederatedAuthService's certificate must chain to",
        },
        Setting {
            name: "federated_auth_secret",
            default: Secret,
            help: "What FederatedAuthService proves itself with; several, comma separated, while one is replaced",
        },
        Setting {
            name: "keys_file",
            default: Required,
            help: "The JWK Set with the keys of the tokens; `scoped-auth keys generate` makes one",
        },
        Setting {
            name: "session_max_seconds",
            default: Default("86400"),
            help: "How long a session lives, however often its token is refreshed",
        },
        Setting {
            name: "database_url",
            default: DefaultSecret("sqlite://data/sessions.db"),
            help: "Where sessions and revocations are kept, for all replicas: a file of SQLite, made if it is missing, or `postgres://USER:PASSWORD@HOST/DATABASE`",
        },
        Setting {
            name: "database_connections",
            default: Default("8"),
            help: "Connections of this replica to PostgreSQL, at most; one more hears of revocations",
        },
        Setting {
            name: "refresh_grace_seconds",
            default: Default("60"),
            help: "How long a replaced token still has the same successor: its answer was lost, or another tab refreshed at the same time",
        },
        Setting {
            name: "resume_window_seconds",
            default: Default("86400"),
            help: "How long after it has expired a token may be refreshed by its own browser or proof key, within its session's life",
        },
        Setting {
            name: "revocation_poll_ms",
            default: Default("500"),
            help: "How often a replica looks for revocations by others",
        },
        Setting {
            name: "revocation_staleness_seconds",
            default: Default("30"),
            help: "How old a replica's knowledge of revocations may be before it vouches for no token",
        },
        Setting {
            name: "revocation_retention_days",
            default: Default("30"),
            help: "How many days revocations are kept. An identity whose last session is older is not granted again: set it to the longest conversation retention",
        },
        Setting {
            name: "operator_secret",
            default: OptionalSecret,
            help: "What operators prove themselves with on the admin listener; several, comma separated",
        },
        spans::OTLP_ENDPOINT,
    ],
    tools: &[cli::KEYS, cli::REVOKE, cli::MIGRATE],
};

/// What ScopedAuthService runs with.
#[derive(Clone)]
pub struct Config {
    /// Threads that serve requests.
    pub workers: usize,
    /// How long it serves on at the stop.
    pub drain: Duration,
    /// Its certificate and its caller's authorities, if it is called by https.
    pub tls: Option<CalleeTls>,
    /// The secrets of its caller.
    pub federated_auth_secrets: Vec<SecretString>,
    /// The JWK Set.
    pub keys_file: PathBuf,
    /// What becomes of a missing JWK Set.
    pub missing_keys: MissingKeys,
    /// Where sessions and revocations are kept.
    pub database: DatabaseConfig,
    /// How sessions live.
    pub rules: Rules,
    /// How often a replica looks for revocations by others.
    pub revocation_poll: Duration,
    /// The secrets of operators; without any, nobody is one.
    pub operator_secrets: Vec<SecretString>,
    /// Where traces go.
    pub spans: SpanConfig,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
}

/// What becomes of a missing JWK Set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKeys {
    /// The start fails: a service that makes keys of its own beside its replicas would throw their guests out.
    Fail,
    /// One is made: the stack on one's own machine, which has no replicas. No setting leads here.
    Create,
}

impl Config {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        const YEAR: u64 = 366 * 24 * 3600;
        let seconds = |name, least, most| settings.number(name, least, most).map(Duration::from_secs);
        Ok(Self {
            workers: settings.number("workers", 1, 256)? as usize,
            drain: seconds("drain_seconds", 0, 600)?,
            tls: tls::callee(settings)?,
            federated_auth_secrets: settings.secrets("federated_auth_secret")?,
            keys_file: settings.parse("keys_file", "a path")?,
            missing_keys: MissingKeys::Fail,
            database: DatabaseConfig::from_settings(settings)?,
            rules: Rules {
                session_max: seconds("session_max_seconds", 1, YEAR)?,
                grace: seconds("refresh_grace_seconds", 0, 3600)?,
                resume_window: seconds("resume_window_seconds", 0, YEAR)?,
                staleness: seconds("revocation_staleness_seconds", 1, 3600)?,
                revocation_retention: Duration::from_secs(
                    settings.number("revocation_retention_days", 1, 36_500)? * 24 * 3600,
                ),
            },
            revocation_poll: settings.milliseconds("revocation_poll_ms", 2000)?,
            operator_secrets: settings.optional_secrets("operator_secret")?,
            spans: SpanConfig {
                endpoint: settings.base_url("otlp_endpoint")?,
                sampling: Sampling::AsTheCallerSays,
            },
            clock: Clock::system(),
            random: Random::default(),
        })
    }
}
