//! Settings of the listener for proxies.

use std::net::SocketAddr;

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use service_runtime::{
    Environment, SettingError,
    settings::{Address, SecretList},
};

/// The settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct AuthorizeSettings {
    /// Address for proxies that ask whether a guest's request may pass; without it there is no such listener.
    pub authorize_listen: Option<Address>,
    /// Secrets that authenticate these proxies; required with that address.
    #[serde(default)]
    pub authorize_secret: SecretList,
}

/// The listener for proxies.
#[derive(Clone, Debug)]
pub struct AuthorizeConfig {
    /// Its address.
    pub listen: SocketAddr,
    /// The secrets of the proxies.
    pub secrets: Vec<SecretString>,
}

impl AuthorizeConfig {
    /// Both settings; `None` if there is no such listener.
    pub fn new(environment: &Environment, settings: AuthorizeSettings) -> Result<Option<Self>, SettingError> {
        let AuthorizeSettings { authorize_listen, authorize_secret } = settings;
        let secrets = authorize_secret.into_secrets();
        match authorize_listen {
            Some(_) if secrets.is_empty() => {
                let listen = environment.variable("authorize_listen");
                Err(environment.error("authorize_secret", format_args!("is required with {listen}")))
            }
            listen => Ok(listen.map(|Address(listen)| Self { listen, secrets })),
        }
    }
}
