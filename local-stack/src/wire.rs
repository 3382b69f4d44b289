//! Connections between the participants. A test may install its own [`Wire`], to record or disturb the traffic.

use std::net::SocketAddr;

use service_runtime::in_process::Observer;

/// A participant of the diagrams, by the name of its lifeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Participant {
    /// The page and its widget.
    Browser,
    /// The customer's servers, where somebody answers.
    Desk,
    /// A proxy in front of another service of the customer.
    Proxy,
    /// The edge gateway.
    Starship,
    /// FlexWebchatOrchestratorService.
    Fwo,
    /// FederatedAuthService.
    Fas,
    /// ScopedAuthService.
    Sas,
    /// The Flex Configuration service.
    Fc,
}

impl Participant {
    /// The short name in the diagrams.
    pub const fn name(self) -> &'static str {
        match self {
            Participant::Browser => "B",
            Participant::Desk => "Desk",
            Participant::Proxy => "Proxy",
            Participant::Starship => "S",
            Participant::Fwo => "FWO",
            Participant::Fas => "FAS",
            Participant::Sas => "SAS",
            Participant::Fc => "FC",
        }
    }
}

/// Connects the participants of a stack.
pub trait Wire: Send + Sync {
    /// The base URL at which `from` calls `to`, which listens on `address`.
    fn connect(&self, from: Participant, to: Participant, address: SocketAddr) -> String;

    /// An observer of the traffic between caller and callee in one process, where there is no URL.
    fn observe(&self, _from: Participant, _to: Participant) -> Option<Observer> {
        None
    }
}

/// Connects callers directly.
#[derive(Clone, Copy, Debug)]
pub struct Direct;

impl Wire for Direct {
    fn connect(&self, _from: Participant, _to: Participant, address: SocketAddr) -> String {
        format!("http://{address}")
    }
}
