//! Labels of a route in logs, metrics and traces.

use shared_types::{Endpoint, Method};

use crate::telemetry::metrics::{Metrics, RouteCounters};

/// Labels of a route.
pub(crate) struct Labels {
    pub(super) route: &'static str,
    pub(super) endpoint: &'static str,
    /// The method and its counters. `None` for unmatched requests and endpoints of any method, whose method varies.
    pub(super) known: Option<(&'static str, RouteCounters)>,
}

impl Labels {
    pub(crate) fn of_endpoint<E: Endpoint>(metrics: &Metrics) -> Self {
        let known = (E::METHOD != Method::Any).then(|| {
            let method = E::METHOD.as_str();
            (method, metrics.route(method, E::PATH, Some(E::STATUS)))
        });
        Self { route: E::PATH, endpoint: E::NAME, known }
    }

    pub(crate) const UNMATCHED: Self = Self { route: "unmatched", endpoint: "unmatched", known: None };
}

/// Bounds the label's values: any method a client may invent is `other`.
pub(super) fn method_name(method: &str) -> &'static str {
    match method {
        "GET" => "GET",
        "POST" => "POST",
        "OPTIONS" => "OPTIONS",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        _ => "other",
    }
}
