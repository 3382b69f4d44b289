//! The settings of ScopedAuthService.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use service_runtime::{
    Clock, Setting, SettingError, Settings,
    command::Program,
    random::Random,
    settings::Presence::{Default, Required, Secret},
};

use crate::tools;

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
    ],
    tools: Some(tools::KEYS),
};

/// What ScopedAuthService runs with.
#[derive(Clone)]
pub struct Config {
    /// Threads that serve requests.
    pub workers: usize,
    /// The secrets of its caller.
    pub federated_auth_secrets: Vec<SecretString>,
    /// The JWK Set.
    pub keys_file: PathBuf,
    /// What becomes of a missing JWK Set.
    pub missing_keys: MissingKeys,
    /// How long a session lives.
    pub session_max: Duration,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
}

/// What becomes of a missing JWK Set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKeys {
    /// The start fails: a service that makes keys of its own beside its replicas would throw their guests out.
    StopTheStart,
    /// One is made: the stack on one's own machine, which has no replicas. No setting leads here.
    AreMade,
}

impl Config {
    /// Reads the settings.
    pub fn from_settings(settings: &Settings) -> Result<Self, SettingError> {
        Ok(Self {
            workers: settings.number("workers", 1, 256)? as usize,
            federated_auth_secrets: settings.secrets("federated_auth_secret")?,
            keys_file: settings.parse("keys_file", "a path")?,
            missing_keys: MissingKeys::StopTheStart,
            session_max: Duration::from_secs(settings.number("session_max_seconds", 1, 366 * 24 * 3600)?),
            clock: Clock::system(),
            random: Random::default(),
        })
    }
}
