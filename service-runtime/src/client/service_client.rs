//! Client for another service. Sends one request under a deadline; returns the response, the service's error body, or a
//! transport error. There are no retries with one exception: if a reused connection broke before any byte of a response
//! and the endpoint is idempotent ([`Endpoint::IDEMPOTENT`]), the request is sent once more on a new connection. That
//! happens when a stopping service closes idle connections just as a request is sent.

use std::{cell::RefCell, fmt, rc::Rc, sync::Arc, time::Duration, time::Instant};

use opentelemetry::{KeyValue, trace::SpanKind};
use shared_types::{Endpoint, endpoint::PathParameters as _};
use tokio::time::timeout;

use super::{
    config::PeerConfig,
    http_transport::{Http, RequestIds},
    in_process_transport::InProcessTransport,
    upstream_error::UpstreamError,
};
use crate::{
    http::RequestContext,
    in_process::Caller,
    telemetry::{
        metrics::{ANSWERED, Metrics, UpstreamCounters},
        spans::CompletedSpan,
        trace_context::TraceContext,
    },
};

/// Client for one service. One per worker: its connections are not shared between threads.
pub struct ServiceClient {
    name: &'static str,
    timeout: Duration,
    transport: Transport,
    metrics: Arc<Metrics>,
    counters: RefCell<Vec<Rc<UpstreamCounters>>>,
}

/// How requests are sent.
enum Transport {
    Http(Box<Http>),
    InProcess(Box<InProcessTransport>),
}

impl ServiceClient {
    /// A client with a connection pool of its own.
    ///
    /// # Panics
    /// If the TLS roots of the operating system cannot be read.
    pub fn new(config: &PeerConfig, metrics: Arc<Metrics>) -> Self {
        let transport = match &config.in_process {
            None => Transport::Http(Box::new(Http::new(config))),
            Some(callee) => {
                Transport::InProcess(Box::new(InProcessTransport::new(callee, config.credential.as_ref())))
            }
        };
        Self { name: config.name, timeout: config.timeout, transport, metrics, counters: RefCell::default() }
    }

    /// Sends a request to the endpoint `E`, with the request id and trace of `context`.
    pub async fn call<E: Endpoint>(
        &self,
        context: &RequestContext<'_>,
        parameters: &E::Path,
        fields: &E::Request,
    ) -> Result<E::Response, UpstreamError> {
        let started = Instant::now();
        let spans = context.spans.filter(|spans| spans.is_recorded(&context.trace));
        let trace = spans.map_or(context.trace, |spans| spans.child(&context.trace));
        let exchange = self.exchange::<E>(context, trace, parameters, fields);
        let response = timeout(self.timeout, exchange).await;
        let response = response.unwrap_or(Err(UpstreamError::Timeout { peer: self.name }));
        let response = response.map_err(UpstreamError::reject_undeclared::<E>);
        let outcome = response.as_ref().map_or_else(UpstreamError::outcome, |_| ANSWERED);
        self.counters::<E>().count(outcome, started.elapsed());
        if let Some(spans) = spans {
            let attributes = vec![
                KeyValue::new("server.address", self.name),
                KeyValue::new("http.request.method", E::METHOD.as_str()),
                KeyValue::new("http.route", E::PATH),
            ];
            let error = response.as_ref().err().map(|_| outcome);
            let (name, kind) = (E::NAME, SpanKind::Client);
            spans.record(&trace, CompletedSpan { name, kind, started, error, attributes });
        }
        response
    }

    async fn exchange<E: Endpoint>(
        &self,
        context: &RequestContext<'_>,
        trace: TraceContext,
        parameters: &E::Path,
        fields: &E::Request,
    ) -> Result<E::Response, UpstreamError> {
        let request_id = context.request_id;
        let path = &parameters.fill(E::PATH);
        match &self.transport {
            Transport::Http(http) => http.exchange::<E>(RequestIds { request_id, trace }, path, fields).await,
            Transport::InProcess(in_process) => {
                let caller = Caller { request_id, trace, headers: &in_process.headers };
                in_process.exchange::<E>(self.name, caller, (path, *parameters), fields).await
            }
        }
    }

    fn counters<E: Endpoint>(&self) -> Rc<UpstreamCounters> {
        let mut known = self.counters.borrow_mut();
        if let Some(counters) = known.iter().find(|counters| counters.endpoint == E::NAME) {
            return counters.clone();
        }
        let counters = Rc::new(self.metrics.upstream(self.name, E::NAME));
        known.push(counters.clone());
        counters
    }
}

impl fmt::Debug for ServiceClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceClient({})", self.name)
    }
}
