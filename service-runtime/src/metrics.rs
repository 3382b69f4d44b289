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

    /// The counters of a route.
    pub(crate) fn route(
        &self,
        method: &'static str,
        route: &'static str,
        answered: Option<u16>,
    ) -> RouteCounters {
        RouteCounters {
            answered: answered.map(|status| {
                let labels = Request { method, route, status: status.into(), code: "" };
                (status, self.requests.get_or_create_owned(&labels))
            }),
            requests: self.requests.clone(),
            seconds: self.request_seconds.get_or_create_owned(&Route { method, route }),
            method,
            route,
        }
    }

    /// The counters of a message to a peer.
    pub(crate) fn arrow_out(&self, peer: &'static str, message: &'static str) -> ArrowCounters {
        let answered = UpstreamCall { peer, message, outcome: ANSWERED };
        ArrowCounters {
            answered: self.upstream_calls.get_or_create_owned(&answered),
            calls: self.upstream_calls.clone(),
            seconds: self.upstream_seconds.get_or_create_owned(&Upstream { peer, message }),
            peer,
            message,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// How a call to a peer ends well.
pub(crate) const ANSWERED: &str = "answered";

/// What is counted of a route. The answer that it is made for is looked up once; refusals are, each time.
pub(crate) struct RouteCounters {
    answered: Option<(u16, Counter)>,
    requests: Family<Request, Counter>,
    seconds: Histogram,
    method: &'static str,
    route: &'static str,
}

impl RouteCounters {
    pub(crate) fn count(&self, status: u16, code: &'static str, took: Duration) {
        match &self.answered {
            Some((expected, counter)) if *expected == status && code.is_empty() => counter.inc(),
            Some(_) | None => {
                let labels = Request { method: self.method, route: self.route, status: status.into(), code };
                self.requests.get_or_create(&labels).inc()
            }
        };
        self.seconds.observe(took.as_secs_f64());
    }
}

/// The same of a message to a peer.
pub(crate) struct ArrowCounters {
    answered: Counter,
    calls: Family<UpstreamCall, Counter>,
    seconds: Histogram,
    peer: &'static str,
    pub(crate) message: &'static str,
}

impl ArrowCounters {
    pub(crate) fn count(&self, outcome: &'static str, took: Duration) {
        if outcome == ANSWERED {
            self.answered.inc();
        } else {
            let labels = UpstreamCall { peer: self.peer, message: self.message, outcome };
            self.calls.get_or_create(&labels).inc();
        }
        self.seconds.observe(took.as_secs_f64());
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
