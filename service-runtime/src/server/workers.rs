//! Creates the workers of a service.

use std::{rc::Rc, sync::Arc};

use super::{drain::ConnectionDrain, listener::Listener};
use crate::{
    clock::Clock,
    http::{AccessPolicy, RouteTable, in_flight::InFlight, worker::Worker},
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
}

impl<S: 'static> Workers<S> {
    /// Creates a worker of `listener`, and its route table.
    pub(super) fn table<P: AccessPolicy>(
        &self,
        listener: &Listener<S, P>,
        connection_drain: ConnectionDrain,
    ) -> RouteTable<S, P> {
        let worker = Worker {
            state: (self.state)(),
            access_policy: (listener.access_policy)(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            metrics: self.metrics.clone(),
            spans: self.spans.clone(),
            connection_drain,
            in_flight: InFlight::new(listener.limits.requests_per_worker),
            service: self.name,
        };
        (listener.routes)(RouteTable::new(Rc::new(worker)))
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
        }
    }
}
