//! Authorize (contract, section 13): a proxy in front of another service asks whether a guest's request may pass. The
//! proxy reports the request ([`GuestRequest`]) and how it wants the answer ([`Options`]).

pub mod config;
mod guest_request;
mod options;

use shared_types::{Endpoint as _, orchestrator::Authorize};

pub use self::{guest_request::GuestRequest, options::Options};
use crate::error::Error;

/// A malformed part of the proxy's request. Contains nothing of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {reason}")]
pub struct Malformed {
    /// The header or option.
    pub field: &'static str,
    /// What was expected.
    pub reason: &'static str,
}

impl From<Malformed> for Error {
    fn from(Malformed { field, reason }: Malformed) -> Self {
        Error::InvalidField { field, reason }
    }
}

/// The guest's path behind the endpoint's own, with its leading slash; `None` if `path` is exactly the endpoint's.
fn path_behind(path: &str) -> Option<&str> {
    // The version may be in either case, so only the length is known.
    path.get(Authorize::PATH.len()..).filter(|rest| !rest.is_empty())
}
