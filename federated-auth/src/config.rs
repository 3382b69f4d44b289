//! The configuration of FederatedAuthService, from its settings.

use std::time::Duration;

use secrecy::SecretString;
use service_runtime::{
    Clock, Environment, ServiceCredential, SettingError,
    client::PeerConfig,
    command::Program,
    random::Random,
    server::AddressSettings,
    settings::Setting,
    spans::{Sampling, SpanConfig},
    tls::{self, CalleeTls, CallerSettings},
};

use crate::settings::{FederatedAuthSettings, PORT};

/// The binary and its settings.
pub const PROGRAM: Program = Program {
    name: "federated-auth",
    about: "FederatedAuthService: decides which grants a session token has and how long it lives",
    prefix: "FEDERATED_AUTH_",
    settings: Setting::list::<FederatedAuthSettings>,
    addresses: AddressSettings::<PORT>::read,
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
    /// Reads the settings, and the files that they name.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        let settings: FederatedAuthSettings = environment.fill()?;
        let scoped_auth = Self::scoped_auth(
            settings.scoped_auth_url.into(),
            settings.scoped_auth_secret,
            settings.scoped_auth_timeout_ms.duration(),
        );
        let client = CallerSettings {
            peer: "scoped_auth",
            ca: settings.scoped_auth_ca,
            certificate: settings.scoped_auth_certificate,
            key: settings.scoped_auth_key,
        };
        let tls = tls::caller(environment, client, &scoped_auth.base_url)?;
        Ok(Self {
            workers: settings.server.workers.get() as usize,
            drain: settings.server.drain_seconds.duration(),
            keep_alive: settings.server.keep_alive_seconds.duration(),
            tls: tls::callee(environment, settings.tls)?,
            orchestrator_secrets: settings.orchestrator_secret.into_secrets(),
            scoped_auth: PeerConfig { tls, ..scoped_auth },
            token_ttl_seconds: u32::try_from(settings.token_ttl_seconds.get()).unwrap_or(u32::MAX),
            spans: SpanConfig::new(settings.spans, Sampling::ParentBased),
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
