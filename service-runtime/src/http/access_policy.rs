//! Access policy: which callers a service accepts.

use std::net::IpAddr;

use shared_types::Code;

use crate::http::request_context::RequestContext;

/// Authorizes requests and sets headers common to all responses, errors included.
pub trait AccessPolicy: 'static {
    /// Whether form bodies are accepted besides JSON.
    const ACCEPTS_FORMS: bool;
    /// Whether `OPTIONS` is answered on every path that has a route.
    const ANSWERS_PREFLIGHTS: bool = false;

    /// Authorizes the caller. Runs first, before path parameters and body are looked at.
    fn authorize(&self, context: &mut RequestContext<'_>, path: &str) -> Result<(), Code>;

    /// The client's network, for per-client load shedding. `None` exempts the request from it.
    fn client(&self, _context: &RequestContext<'_>) -> Option<IpAddr> {
        None
    }

    /// Sets the headers of a preflight response, if [`ANSWERS_PREFLIGHTS`](Self::ANSWERS_PREFLIGHTS).
    fn preflight(&self, _context: &mut RequestContext<'_>) {}
}
