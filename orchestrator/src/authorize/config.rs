//! Settings of the listener for proxies.

use std::net::SocketAddr;

use secrecy::SecretString;
use service_runtime::{
    Setting, SettingError, Settings,
    settings::Requirement::{Optional, OptionalSecret},
};

/// The address.
pub const LISTEN: Setting = Setting {
    name: "authorize_listen",
    default: Optional,
    help: "Address for proxies that ask whether a guest's request may pass; without it there is no such listener",
};

/// The secrets.
pub const SECRET: Setting = Setting {
    name: "authorize_secret",
    default: OptionalSecret,
    help: "Secrets that authenticate these proxies, comma separated; required with that address",
};

/// The listener for proxies.
#[derive(Clone, Debug)]
pub struct AuthorizeConfig {
    /// Its address.
    pub listen: SocketAddr,
    /// The secrets of the proxies.
    pub secrets: Vec<SecretString>,
}

impl AuthorizeConfig {
    /// Reads the settings; `None` if there is no such listener.
    pub fn from_settings(settings: &Settings) -> Result<Option<Self>, SettingError> {
        let secrets = settings.optional_secrets(SECRET.name)?;
        let listen = settings.optional(LISTEN.name, "an address such as 127.0.0.1:8084")?;
        match listen {
            Some(_) if secrets.is_empty() => {
                let listen = settings.full(LISTEN.name);
                Err(settings.error(SECRET.name, format_args!("is required with {listen}")))
            }
            listen => Ok(listen.map(|listen| Self { listen, secrets })),
        }
    }
}
