//! Connection draining at shutdown and after a certificate change.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use actix_web::HttpRequest;

use crate::tls::CalleeTls;

/// Decides which connections close after their next response: all of a stopping service, and those opened under earlier
/// certificates.
#[derive(Clone, Default)]
pub(crate) struct ConnectionDrain {
    /// Set on shutdown.
    pub(crate) stopping: Arc<AtomicBool>,
    /// The service's certificates, if it has any.
    pub(crate) tls: Option<CalleeTls>,
}

/// TLS generation a connection was opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TlsGeneration(pub(crate) u64);

impl ConnectionDrain {
    /// Whether the request's connection closes after the response.
    pub(crate) fn applies_to(&self, request: &HttpRequest) -> bool {
        let replaced = self.tls.as_ref().is_some_and(|files| {
            request.conn_data::<TlsGeneration>().is_some_and(|made| made.0 != files.version())
        });
        replaced || self.stopping.load(Ordering::Relaxed)
    }
}
