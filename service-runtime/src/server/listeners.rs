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

/// What an operator does about an address that cannot be bound.
const REMEDIES: [(io::ErrorKind, &str); 3] = [
    (io::ErrorKind::AddrInUse, "; stop the program that listens there, or choose another port"),
    (io::ErrorKind::AddrNotAvailable, "; choose an address of this machine"),
    (io::ErrorKind::PermissionDenied, "; choose a port from 1024, or grant CAP_NET_BIND_SERVICE"),
];

/// Binds a socket; the error names the address, and what to do.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| {
        let remedy = REMEDIES.iter().find(|(kind, _)| *kind == error.kind()).map_or("", |(_, remedy)| remedy);
        io::Error::new(error.kind(), format!("{address}: {error}{remedy}"))
    })
}
