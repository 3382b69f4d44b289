//! The access-log line, the counters and the span of a request.

use opentelemetry::{KeyValue, trace::SpanKind};
use shared_types::{AccountSid, ApiKeySid};

use super::Exchange;
use crate::{
    http::{access_policy::AccessPolicy, labels::method_name, outcome::ResponseSummary},
    telemetry::spans::CompletedSpan,
};

impl<S, P: AccessPolicy> Exchange<'_, S, P> {
    /// Records the outcome in metrics, traces and logs.
    pub(super) fn record(&self, ResponseSummary { status, code, cause, is_shed }: ResponseSummary<'_>) {
        let Self { worker, labels, context, started, .. } = self;
        let waited = context.waited;
        let elapsed = started.elapsed().saturating_sub(waited);
        let method = match &labels.known {
            Some((method, counters)) => {
                counters.count(status, code, elapsed);
                method
            }
            None => {
                let method = method_name(context.method);
                worker.metrics.route(method, labels.route, None).count(status, code, elapsed);
                method
            }
        };
        if is_shed {
            return worker.in_flight.record_rejection(worker.service);
        }
        if worker.spans.is_recorded(&context.trace) {
            let mut attributes = vec![
                KeyValue::new("http.request.method", method),
                KeyValue::new("http.route", labels.route),
                KeyValue::new("http.response.status_code", i64::from(status)),
                KeyValue::new("request_id", context.request_id.as_str().to_owned()),
            ];
            attributes.extend(context.account.map(|account| KeyValue::new("account", account.to_string())));
            attributes.extend((!code.is_empty()).then(|| KeyValue::new("error.type", code)));
            // By OpenTelemetry's conventions, a server span is an error only for a 5xx.
            let error = (status >= 500).then_some(code);
            let (name, kind) = (labels.endpoint, SpanKind::Server);
            worker
                .spans
                .record(&context.trace, CompletedSpan { name, kind, started: *started, error, attributes });
        }
        if let Some(cause) = cause {
            tracing::warn!(
                service = worker.service,
                request_id = context.request_id.as_str(),
                code,
                cause,
                "request failed"
            );
        }
        let account = context.account.map(AccountSid::text);
        let api_key = context.api_key.map(ApiKeySid::text);
        tracing::info!(
            target: "access",
            service = worker.service,
            request_id = context.request_id.as_str(),
            trace_id = %context.trace.trace_id,
            account = account.as_deref(),
            api_key = api_key.as_deref(),
            method,
            route = labels.route,
            status,
            code,
            waited_ms = (!waited.is_zero()).then(|| u64::try_from(waited.as_millis()).unwrap_or(u64::MAX)),
            duration_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
            "request"
        );
    }
}
