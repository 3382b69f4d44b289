//! A worker's shared state.

use std::sync::Arc;

use crate::{
    clock::Clock,
    http::in_flight::InFlight,
    random::Random,
    server::drain::ConnectionDrain,
    telemetry::{metrics::Metrics, spans::Spans},
};

/// State shared by the requests of one worker: the service's own and the runtime's.
pub(crate) struct Worker<S, P> {
    /// The service's state.
    pub(crate) state: S,
    /// Authorizes requests.
    pub(crate) access_policy: P,
    /// The clock.
    pub(crate) clock: Clock,
    /// Random bytes for ids.
    pub(crate) random: Random,
    /// The service's metrics.
    pub(crate) metrics: Arc<Metrics>,
    /// Records spans.
    pub(crate) spans: Spans,
    /// Closes connections after their next response.
    pub(crate) connection_drain: ConnectionDrain,
    /// Load shedding.
    pub(crate) in_flight: InFlight,
    /// The participant's name, for logs.
    pub(crate) service: &'static str,
}
