//! Metrics, in one registry per service, since several services may share a process. Label values are names from the
//! diagrams and codes from the contract's table, never values from a request.

mod prometheus_text;

use std::{fmt, sync::Mutex, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Metric, Registry},
};

/// Content type of the OpenMetrics text format.
pub(crate) const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Content type of the text format of Prometheus.
pub(crate) const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics common to all services, and the registry for a service's own.
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

/// Buckets from 0.25 ms, the time of one hop, to the longest deadline.
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
        metrics.register("http_requests", "Requests, by route, status and code", metrics.requests.clone());
        metrics.register(
            "http_request_duration_seconds",
            "Duration of requests, from head to response",
            metrics.request_seconds.clone(),
        );
        metrics.register(
            "upstream_calls",
            "Requests to other services, by outcome",
            metrics.upstream_calls.clone(),
        );
        metrics.register(
            "upstream_call_duration_seconds",
            "Duration of requests to other services",
            metrics.upstream_seconds.clone(),
        );
        metrics
    }
}

impl Metrics {
    /// Registers a metric of the service; counters get the suffix `_total`.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        self.lock().register(name, help, metric);
    }

    /// All metrics in the text format of Prometheus.
    pub fn prometheus_text(&self) -> String {
        prometheus_text::of_openmetrics(&self.openmetrics())
    }

    /// All metrics in the OpenMetrics text format.
    pub fn openmetrics(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = text::encode(&mut text, &self.lock());
        text
    }

    /// The metrics of a route.
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

    /// The metrics of requests to an endpoint of another service.
    pub(crate) fn upstream(&self, peer: &'static str, message: &'static str) -> UpstreamCounters {
        let answered = UpstreamCall { peer, message, outcome: ANSWERED };
        UpstreamCounters {
            answered: self.upstream_calls.get_or_create_owned(&answered),
            calls: self.upstream_calls.clone(),
            seconds: self.upstream_seconds.get_or_create_owned(&Upstream { peer, message }),
            peer,
            endpoint: message,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Outcome label of a successful request to another service.
pub(crate) const ANSWERED: &str = "answered";

/// The metrics of a route. The counter of its success status is looked up once, those of errors each time.
pub(crate) struct RouteCounters {
    answered: Option<(u16, Counter)>,
    requests: Family<Request, Counter>,
    seconds: Histogram,
    method: &'static str,
    route: &'static str,
}

impl RouteCounters {
    pub(crate) fn count(&self, status: u16, code: &'static str, elapsed: Duration) {
        match &self.answered {
            Some((expected, counter)) if *expected == status && code.is_empty() => counter.inc(),
            Some(_) | None => {
                let labels = Request { method: self.method, route: self.route, status: status.into(), code };
                self.requests.get_or_create(&labels).inc()
            }
        };
        self.seconds.observe(elapsed.as_secs_f64());
    }
}

/// The metrics of requests to an endpoint of another service.
pub(crate) struct UpstreamCounters {
    answered: Counter,
    calls: Family<UpstreamCall, Counter>,
    seconds: Histogram,
    peer: &'static str,
    pub(crate) endpoint: &'static str,
}

impl UpstreamCounters {
    pub(crate) fn count(&self, outcome: &'static str, elapsed: Duration) {
        if outcome == ANSWERED {
            self.answered.inc();
        } else {
            let labels = UpstreamCall { peer: self.peer, message: self.endpoint, outcome };
            self.calls.get_or_create(&labels).inc();
        }
        self.seconds.observe(elapsed.as_secs_f64());
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
