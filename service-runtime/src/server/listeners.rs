//! Where a service listens: bound before anything starts.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
};

/// The two listeners of a service.
#[derive(Debug)]
pub struct Listeners {
    /// Where its callers call; none, if they live in its process ([`Running::in_process`](super::Running::in_process)).
    pub service: Option<TcpListener>,
    /// Where its operators look.
    pub admin: TcpListener,
}

impl Listeners {
    /// Binds both.
    pub fn bind(service: SocketAddr, admin: SocketAddr) -> io::Result<Self> {
        Ok(Self { service: Some(bind(service)?), admin: bind(admin)? })
    }

    /// Binds the operators' alone.
    pub fn in_process(admin: SocketAddr) -> io::Result<Self> {
        Ok(Self { service: None, admin: bind(admin)? })
    }

    /// Two free ports of the loopback interface.
    pub fn loopback() -> io::Result<Self> {
        Self::bind(ANY_PORT, ANY_PORT)
    }
}

/// A free port of the loopback interface.
pub const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))
}
