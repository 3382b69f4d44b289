//! The configuration of ScopedAuthService, from its settings.

use std::{path::PathBuf, sync::Arc, time::Duration};

use secrecy::SecretString;
use service_runtime::{
    Clock, Environment, SettingError,
    command::Program,
    random::Random,
    server::AddressSettings,
    settings::Setting,
    spans::{Sampling, SpanConfig},
    tls::{self, CalleeTls},
};
use store::DatabaseConfig;

use crate::{
    cli,
    sessions::Rules,
    settings::{PORT, ScopedAuthSettings},
};

/// The binary and its settings.
pub const PROGRAM: Program = Program {
    name: "scoped-auth",
    about: "ScopedAuthService: makes and validates session tokens; the only service with keys",
    prefix: "SCOPED_AUTH_",
    settings: Setting::list::<ScopedAuthSettings>,
    addresses: AddressSettings::<PORT>::read,
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
    /// Reads the settings, and the files that they name.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        let settings: ScopedAuthSettings = environment.fill()?;
        Ok(Self {
            workers: settings.server.workers.get() as usize,
            drain: settings.server.drain_seconds.duration(),
            keep_alive: settings.server.keep_alive_seconds.duration(),
            tls: tls::callee(environment, settings.tls)?,
            federated_auth_secrets: settings.federated_auth_secret.into_secrets(),
            keys_file: settings.keys.keys_file.0,
            missing_keys: MissingKeys::Fail,
            issuer: settings.issuer.map(|issuer| String::from(issuer).into()),
            database: settings.database.config(),
            rules: Rules {
                session_max: settings.session.session_max_seconds.duration(),
                grace: settings.refresh_grace_seconds.duration(),
                resume_window: settings.resume_window_seconds.duration(),
                staleness: settings.revocation_staleness_seconds.duration(),
                revocation_retention: settings.revocation_retention_days.duration(),
                store_timeout: settings.database_timeout_ms.duration(),
            },
            revocation_poll: settings.revocation_poll_ms.duration(),
            operator_secrets: settings.operator.operator_secret.into_secrets(),
            spans: SpanConfig::new(settings.spans, Sampling::ParentBased),
            clock: Clock::system(),
            random: Random::default(),
        })
    }
}
