//! Creates the workers of a service.

use std::sync::Arc;

use super::drain::ConnectionDrain;
use crate::{
    clock::Clock,
    http::{in_flight::InFlight, worker::Worker},
    random::Random,
    telemetry::{metrics::Metrics, spans::Spans},
};

/// Everything a worker is created from.
pub(super) struct Workers<S> {
    pub(super) name: &'static str,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) metrics: Arc<Metrics>,
    pub(super) spans: Spans,
    pub(super) state: Arc<dyn Fn() -> S + Send + Sync>,
    pub(super) in_flight: usize,
}

impl<S> Workers<S> {
    pub(super) fn worker<P>(&self, access_policy: P, connection_drain: ConnectionDrain) -> Worker<S, P> {
        Worker {
            state: (self.state)(),
            access_policy,
            clock: self.clock.clone(),
            random: self.random.clone(),
            metrics: self.metrics.clone(),
            spans: self.spans.clone(),
            connection_drain,
            in_flight: InFlight::new(self.in_flight),
            service: self.name,
        }
    }
}

impl<S> Clone for Workers<S> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            clock: self.clock.clone(),
            random: self.random.clone(),
            metrics: self.metrics.clone(),
            spans: self.spans.clone(),
            state: self.state.clone(),
            in_flight: self.in_flight,
        }
    }
}
