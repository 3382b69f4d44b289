//! Settings of every service's server.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_inline_default::serde_inline_default;

use super::timeouts::{KEEP_ALIVE, LEAST_KEEP_ALIVE};
use crate::settings::{Address, Environment, Number, Seconds, SettingError, group};

/// Offset of the admin listener's default port.
const ADMIN: u16 = 1000;

/// The addresses of a service whose default port is `PORT`: all that commands beside the service need.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct AddressSettings<const PORT: u16> {
    /// Address that the service's callers connect to.
    #[serde(default = "local::<PORT>")]
    pub listen: Address,
    /// Address of the admin listener: `/healthz`, `/readyz` and `/metrics`.
    #[serde(default = "local_admin::<PORT>")]
    pub admin_listen: Address,
}

/// The server of a service whose default port is `PORT`.
#[serde_inline_default]
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct ServerSettings<const PORT: u16> {
    /// Its addresses.
    #[serde(flatten, deserialize_with = "group")]
    pub addresses: AddressSettings<PORT>,
    /// Threads that serve requests.
    #[serde_inline_default(Number::of::<2>())]
    pub workers: Number<1, 256>,
    /// Drain time after SIGTERM: not ready, still serving.
    #[serde_inline_default(Seconds::of::<5>())]
    pub drain_seconds: Seconds<0, 600>,
    /// How long idle connections stay open: longer than any client or load balancer keeps them, Google's for instance 600 s.
    /// A client would otherwise send a request just as the service closes.
    #[serde_inline_default(Seconds::of::<{ KEEP_ALIVE.as_secs() }>())]
    pub keep_alive_seconds: Seconds<LEAST_KEEP_ALIVE, 3600>,
}

/// The addresses of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The address that its callers connect to.
    pub listen: SocketAddr,
    /// The address of the admin listener.
    pub admin_listen: SocketAddr,
}

impl<const PORT: u16> AddressSettings<PORT> {
    /// Reads only the addresses.
    pub fn read(environment: &Environment) -> Result<Addresses, SettingError> {
        let Self { listen, admin_listen } = environment.fill()?;
        Ok(Addresses { listen: listen.0, admin_listen: admin_listen.0 })
    }
}

fn local<const PORT: u16>() -> Address {
    Address::local(PORT)
}

fn local_admin<const PORT: u16>() -> Address {
    Address::local(PORT + ADMIN)
}
