//! The settings of ScopedAuthService.

use std::{path::PathBuf, sync::Arc, time::Duration};

use secrecy::SecretString;
use service_runtime::{
    Clock, Setting, SettingError, Settings,
    command::Program,
    random::Random,
    server,
    settings::Requirement::{Default, DefaultSecret, Optional, OptionalSecret, Required, Secret},
    spans::{self, Sampling, SpanConfig},
    tls::{self, CalleeTls},
};
use store::DatabaseConfig;

use crate::{cli, sessions::Rules};

/// The binary and its settings.
pub const PROGRAM: Program = Program {
    name: "scoped-auth",
    about: "ScopedAuthService: makes and validates session tokens; the only service with keys",
    prefix: "SCOPED_AUTH_",
    settings: &[
        Setting {
            name: "listen",
            default: Default("127.0.0.1:8082"),
            help: "Address that FederatedAuthService connects to",
        },
        Setting {
            name: "admin_listen",
            default: Default("127.0.0.1:9082"),
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
            help: "PEM file with the CAs that FederatedAuthService's certificate must chain to",
        },
        Setting {
            name: "federated_auth_secret",
            default: Secret,
            help: "Secret that FederatedAuthService authenticates with; several, comma separated, while one is replaced",
        },
        Setting {
            name: "keys_file",
            default: Required,
            help: "JWK Set with the keys of the tokens; `scoped-auth keys generate` creates one",
        },
        Setting {
            name: "issuer",
            default: Optional,
            help: "URL that names this installation as the issuer of guest assertions; without it there are none: `Token/Assertion` is 404",
        },
        Setting {
            name: "session_max_seconds",
            default: Default("86400"),
            help: "Maximum lifetime of a session, however often its token is refreshed",
        },
        Setting {
            name: "database_url",
            default: DefaultSecret("sqlite://data/sessions.db"),
            help: "Database of sessions and revocations, shared by all replicas: an SQLite file, created if missing, or `postgres://USER:PASSWORD@HOST/DATABASE`",
        },
        Setting {
            name: "database_connections",
            default: Default("8"),
            help: "Maximum connections of this replica to PostgreSQL; one more listens for revocations",
        },
        Setting {
            name: "database_timeout_ms",
            default: Default("800"),
            help: "Maximum duration of a request's database calls; less than `FEDERATED_AUTH_SCOPED_AUTH_TIMEOUT_MS`, so that the caller gets a 503 with `Retry-After`",
        },
        Setting {
            name: "refresh_grace_seconds",
            default: Default("60"),
            help: "How long a replaced token still gets the same successor: the response was lost, or another tab refreshed at the same time",
        },
        Setting {
            name: "resume_window_seconds",
            default: Default("86400"),
            help: "How long after its expiry a token may be refreshed by the browser or DPoP key that it is bound to, within the session's lifetime",
        },
        Setting {
            name: "revocation_poll_ms",
            default: Default("500"),
            help: "How often a replica reads revocations by others",
        },
        Setting {
            name: "revocation_staleness_seconds",
            default: Default("30"),
            help: "Maximum age of a replica's revocation list; beyond it every token is rejected",
        },
        Setting {
            name: "revocation_retention_days",
            default: Default("30"),
            help: "How many days revocations are kept. An identity whose last session is older is not granted again: set it to the longest conversation retention",
        },
        Setting {
            name: "operator_secret",
            default: OptionalSecret,
            help: "Secret that operators authenticate with on the admin listener; several, comma separated",
        },
        spans::OTLP_ENDPOINT,
    ],
    subcommands: &[cli::KEYS, cli::REVOKE, cli::MIGRATE],
};

/// The configuration of ScopedAuthService.
#[derive(Clone)]
pub struct Config {
    /// Threads that serve requests.
    pub workers: usize,
    /// Drain time after SIGTERM.
    pub drain: Duration,
    /// How long idle connections stay open.
    pub keep_alive: Duration,
    /// Its certificate and the CAs of its caller, for HTTPS.
    pub tls: Option<CalleeTls>,
    /// The secrets of FederatedAuthService.
    pub federated_auth_secrets: Vec<SecretString>,
    /// The key file, a JWK Set.
    pub keys_file: PathBuf,
    /// What to do if the key file is missing.
    pub missing_keys: MissingKeys,
    /// The issuer of assertions; `None` signs none.
    pub issuer: Option<Arc<str>>,
    /// The database of sessions and revocations.
    pub database: DatabaseConfig,
    /// The durations that govern sessions.
    pub rules: Rules,
    /// How often a replica reads revocations by others.
    pub revocation_poll: Duration,
    /// The secrets of operators; if empty, operators' routes are closed.
    pub operator_secrets: Vec<SecretString>,
    /// The export of traces.
    pub spans: SpanConfig,
    /// The clock.
    pub clock: Clock,
    /// The random generator.
    pub random: Random,
}

/// What to do if the key file is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKeys {
    /// Fail at start: keys that only this replica has would invalidate the tokens of the others' guests.
    Fail,
    /// Create one: for the local stack, which has no replicas. Not reachable by a setting.
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
            keep_alive: server::keep_alive(settings)?,
            tls: tls::callee(settings)?,
            federated_auth_secrets: settings.secrets("federated_auth_secret")?,
            keys_file: settings.parse("keys_file", "a path")?,
            missing_keys: MissingKeys::Fail,
            issuer: settings.url_identifier("issuer")?.map(Arc::from),
            database: DatabaseConfig::from_settings(settings)?,
            rules: Rules {
                session_max: seconds("session_max_seconds", 1, YEAR)?,
                grace: seconds("refresh_grace_seconds", 0, 3600)?,
                resume_window: seconds("resume_window_seconds", 0, YEAR)?,
                staleness: seconds("revocation_staleness_seconds", 1, 3600)?,
                revocation_retention: Duration::from_secs(
                    settings.number("revocation_retention_days", 1, 36_500)? * 24 * 3600,
                ),
                store_timeout: settings.milliseconds("database_timeout_ms", 10_000)?,
            },
            revocation_poll: settings.milliseconds("revocation_poll_ms", 2000)?,
            operator_secrets: settings.optional_secrets("operator_secret")?,
            spans: SpanConfig {
                endpoint: settings.base_url("otlp_endpoint")?,
                sampling: Sampling::ParentBased,
            },
            clock: Clock::system(),
            random: Random::default(),
        })
    }
}
