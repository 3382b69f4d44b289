//! Access policy: which callers a service accepts.

use std::{borrow::Cow, net::IpAddr};

use shared_types::{Code, ErrorBody, json};

use crate::http::{headers, request_context::RequestContext};

/// Authorizes requests, sets headers common to all responses, errors included, and decides the form of errors.
pub trait AccessPolicy: 'static {
    /// Whether form bodies are accepted besides JSON.
    const ACCEPTS_FORMS: bool;
    /// Whether `OPTIONS` is answered on every path that has a route.
    const ANSWERS_PREFLIGHTS: bool = false;

    /// Authorizes the caller. Runs first, before path parameters and body are looked at.
    fn authorize(&self, context: &mut RequestContext<'_>, path: &str) -> Result<(), Denied>;

    /// The client's network, for per-client load shedding. `None` exempts the request from it.
    fn client(&self, _context: &RequestContext<'_>) -> Option<IpAddr> {
        None
    }

    /// The body of an error response, as JSON. [`ErrorBody`] unless the listener has a form of its own.
    fn error_body(code: Code, message: &str) -> Vec<u8> {
        // Two texts and a constant always serialize.
        json::to_vec(&ErrorBody::new(code, message)).unwrap_or_default()
    }

    /// The status of an error response: the code's own, unless the listener's callers need another. May set headers.
    fn error_status(&self, _context: &mut RequestContext<'_>, code: Code) -> u16 {
        code.status()
    }

    /// The `WWW-Authenticate` of a response with status 401, unless the policy or the handler has set one.
    fn challenge(code: Code) -> &'static str {
        headers::challenge(code)
    }

    /// Sets the headers of a preflight response, if [`ANSWERS_PREFLIGHTS`](Self::ANSWERS_PREFLIGHTS).
    fn preflight(&self, _context: &mut RequestContext<'_>) {}
}

/// Why a caller is not authorized: the error of the response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The error code.
    pub code: Code,
    /// The public message. Must not repeat anything from the request.
    pub message: Cow<'static, str>,
}

/// With the code's own sentence as message.
impl From<Code> for Denied {
    fn from(code: Code) -> Self {
        Self { code, message: code.sentence().into() }
    }
}
