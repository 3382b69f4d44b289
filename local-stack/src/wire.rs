//! The wires between the participants: how a caller reaches a callee. A test may lay its own, to see or to disturb what
//! flows.

use std::net::SocketAddr;

use service_runtime::in_process::Observer;

/// A participant of the diagrams, by the name that its lifeline has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Participant {
    /// The page and its widget.
    Browser,
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
            Participant::Starship => "S",
            Participant::Fwo => "FWO",
            Participant::Fas => "FAS",
            Participant::Sas => "SAS",
            Participant::Fc => "FC",
        }
    }
}

/// Lays the wires of a stack.
pub trait Wire: Send + Sync {
    /// The base URL under which `from` is to call `to`, which listens on `address`.
    fn connect(&self, from: Participant, to: Participant, address: SocketAddr) -> String;

    /// Who hears what passes where no wire is laid, because caller and callee are in one process.
    fn hear(&self, _from: Participant, _to: Participant) -> Option<Observer> {
        None
    }
}

/// Callers call their callee itself.
#[derive(Clone, Copy, Debug)]
pub struct Direct;

impl Wire for Direct {
    fn connect(&self, _from: Participant, _to: Participant, address: SocketAddr) -> String {
        format!("http://{address}")
    }
}
