//! What a service counts, in a registry of its own: several services live in one process. Labels hold names out of the
//! diagrams and codes out of the table, never a value that a request brought.

use std::{fmt, sync::Mutex, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Metric, Registry},
};

/// The counters that every service has, and the registry that its own join.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Request, Counter>,
    request_seconds: Family<Route, Histogram, fn() -> Histogram>,
    upstream_calls: Family<UpstreamCall, Counter>,
    upstream_seconds: Family<Upstream, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    route: &'static str,
    status: u32,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: &'static str,
    route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamCall {
    peer: &'static str,
    message: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Upstream {
    peer: &'static str,
    message: &'static str,
}

/// From a quarter of a millisecond, which a hop takes, to the longest deadline.
fn latencies() -> Histogram {
    Histogram::new([
        0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    ])
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Mutex::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(latencies),
            upstream_calls: Family::default(),
            upstream_seconds: Family::new_with_constructor(latencies),
        };
        metrics.register(
            "http_requests",
            "Requests answered, by route, status and code",
            metrics.requests.clone(),
        );
        metrics.register(
            "http_request_duration_seconds",
            "Time from a request's head to its answer",
            metrics.request_seconds.clone(),
        );
        metrics.register("upstream_calls", "Calls to peers, by outcome", metrics.upstream_calls.clone());
        metrics.register(
            "upstream_call_duration_seconds",
            "Time from a call to a peer to its answer",
            metrics.upstream_seconds.clone(),
        );
        metrics
    }
}

impl Metrics {
    /// Adds a metric of the service's own; counters get `_total` after their name.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        self.lock().register(name, help, metric);
    }

    /// Everything counted so far, in the OpenMetrics text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing into a String does not fail.
        let _ = text::encode(&mut text, &self.lock());
        text
    }

    pub(crate) fn request(
        &self,
        method: &'static str,
        route: &'static str,
        status: u16,
        code: &'static str,
        took: Duration,
    ) {
        self.requests.get_or_create(&Request { method, route, status: status.into(), code }).inc();
        self.request_seconds.get_or_create(&Route { method, route }).observe(took.as_secs_f64());
    }

    pub(crate) fn upstream(
        &self,
        peer: &'static str,
        message: &'static str,
        outcome: &'static str,
        took: Duration,
    ) {
        self.upstream_calls.get_or_create(&UpstreamCall { peer, message, outcome }).inc();
        self.upstream_seconds.get_or_create(&Upstream { peer, message }).observe(took.as_secs_f64());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
