//! Listening sockets, bound before anything starts.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
};

/// The sockets of a service: its own and the admin listener's.
#[derive(Debug)]
pub struct Listeners {
    /// For callers; `None` if all of them call in process ([`Running::in_process`](super::Running::in_process)).
    pub service: Option<TcpListener>,
    /// For operators.
    pub admin: TcpListener,
}

impl Listeners {
    /// Binds both.
    pub fn bind(service: SocketAddr, admin: SocketAddr) -> io::Result<Self> {
        Ok(Self { service: Some(bind(service)?), admin: bind(admin)? })
    }

    /// Binds the admin listener only.
    pub fn in_process(admin: SocketAddr) -> io::Result<Self> {
        Ok(Self { service: None, admin: bind(admin)? })
    }

    /// Binds two free ports on the loopback interface.
    pub fn loopback() -> io::Result<Self> {
        Self::bind(ANY_PORT, ANY_PORT)
    }
}

/// A free port on the loopback interface.
pub const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Binds a socket; the error names the address.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))
}
