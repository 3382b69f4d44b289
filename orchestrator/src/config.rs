//! The configuration of FlexWebchatOrchestratorService, from its settings.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use service_runtime::{
    Clock, Environment, ServiceCredential, SettingError,
    client::PeerConfig,
    command::Program,
    random::Random,
    server::AddressSettings,
    settings::Setting,
    spans::{Sampling, SpanConfig},
    tls::{self, CallerSettings},
};
use shared_types::fingerprint::FingerprintKeys;
use store::DatabaseConfig;

use crate::{
    admission::client_address::TrustedProxies,
    authorize::config::AuthorizeConfig,
    cli,
    clients::webhook,
    dpop::PublicUrls,
    settings::{OrchestratorSettings, PORT},
};

/// The binary and its settings.
pub const PROGRAM: Program = Program {
    name: "orchestrator",
    about: "FlexWebchatOrchestratorService: issues session tokens of web chat, bound to browser and page",
    prefix: "ORCHESTRATOR_",
    settings: Setting::list::<OrchestratorSettings>,
    addresses: AddressSettings::<PORT>::read,
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

impl Config {
    /// Reads the settings, and the files that they name.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingError> {
        let settings: OrchestratorSettings = environment.fill()?;
        let federated_auth = Self::federated_auth(
            settings.federated_auth_url.into(),
            settings.federated_auth_secret,
            settings.federated_auth_timeout_ms.duration(),
        );
        let client = CallerSettings {
            peer: "federated_auth",
            ca: settings.federated_auth_ca,
            certificate: settings.federated_auth_certificate,
            key: settings.federated_auth_key,
        };
        let tls = tls::caller(environment, client, &federated_auth.base_url)?;
        let flex_configuration_timeout = settings.flex_configuration_timeout_ms.duration();
        Ok(Self {
            workers: settings.server.workers.get() as usize,
            drain: settings.server.drain_seconds.duration(),
            keep_alive: settings.server.keep_alive_seconds.duration(),
            accounts_file: settings.accounts.accounts_file.0,
            // A change counts at its second read: this is less than a second for a removed API key.
            accounts_period: Duration::from_millis(400),
            database: settings.database.config(),
            conversation_retention: settings.conversation_retention_days.duration(),
            federated_auth: PeerConfig { tls, ..federated_auth },
            flex_configuration: settings
                .flex_configuration_url
                .map(|url| Self::flex_configuration(url.into(), flex_configuration_timeout)),
            fingerprint_keys: settings.fingerprint_key.into(),
            trusted_proxies: settings.trusted_proxies,
            public_urls: settings.public_urls,
            answer_bytes: settings.answer_bytes.get() as usize,
            waiting: settings.waiting.get() as usize,
            spans: SpanConfig::new(settings.spans, Sampling::Ratio(settings.trace_share.0)),
            welcome_message: settings.welcome_message,
            desk_listen: settings.desk_listen.map(|listen| listen.0),
            desk_url: settings.desk_url.map(String::from),
            authorize: AuthorizeConfig::new(environment, settings.authorize)?,
            webhook_allow_private: settings.webhooks.webhook_allow_private.0,
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
