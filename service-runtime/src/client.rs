//! The arrow out: a message to a peer, within a deadline, answered by its response, the peer's refusal or the reason
//! why there is none. A message goes out once. The one exception: a connection that had served before broke under it, with
//! nothing of an answer, and the message may be repeated ([`Endpoint::IDEMPOTENT`]); then it goes out once more, on a fresh
//! connection. So it is whenever a peer closes idle connections because it stops, just as a request is on its way.

mod connection;
mod failure;
mod http;
mod pool;
mod reqwest_client;

use std::{cell::RefCell, fmt, pin::pin, rc::Rc, sync::Arc, time::Duration, time::Instant};

use actix_web::http::header;
use opentelemetry::{KeyValue, trace::SpanKind};
use shared_types::{Endpoint, endpoint::PathParameters as _};
use tokio::task::JoinHandle;

pub use failure::UpstreamError;
pub use reqwest_client::http_client;
pub use reqwest_client::http_client_blocking;

use crate::{
    client::http::{Http, Sender},
    deadline::{within, within_pinned},
    in_process::{Caller, Handlers, InProcess},
    metrics::{ANSWERED, ArrowCounters, Metrics},
    request_context::RequestContext,
    service_credential::ServiceCredential,
    spans::Ended,
    tls::CallerTls,
    trace_context::TraceContext,
};

/// How long a connection may take to come about.
const CONNECT_DEADLINE: Duration = Duration::from_millis(500);

/// A participant that this service calls. One per worker: its connections are not shared between threads.
pub struct ServiceClient {
    name: &'static str,
    timeout: Duration,
    transport: Transport,
    metrics: Arc<Metrics>,
    counters: RefCell<Vec<Rc<ArrowCounters>>>,
}

/// The one seam: whether a message leaves the process.
enum Transport {
    Http(Box<Http>),
    InProcessTransport(Box<InProcessTransport>),
}

struct InProcessTransport {
    callee: InProcess,
    handlers: Rc<Handlers>,
    headers: header::HeaderMap,
}

/// What a peer is called with.
#[derive(Clone)]
pub struct PeerConfig {
    /// The participant's name.
    pub name: &'static str,
    /// Its base URL, without a slash at the end.
    pub base_url: String,
    /// What proves to it who calls.
    pub credential: Option<ServiceCredential>,
    /// How long a call may take in all; shorter than the caller's own deadline.
    pub timeout: Duration,
    /// Certificates of the settings. Without them a peer at an https URL is believed by the operating system's authorities.
    pub tls: Option<CallerTls>,
    /// The peer itself, where it lives in this process; then nothing goes to the URL.
    pub in_process: Option<InProcess>,
}

impl PeerConfig {
    /// Follows the certificates' files, where there are any: a task to be run beside the service.
    pub fn follow(&self) -> Option<JoinHandle<()>> {
        let files = self.tls.clone()?;
        Some(tokio::spawn(async move { files.follow().await }))
    }

    /// Whether the peer answers at all and takes this service for its caller: asks for `path` with a method that it does
    /// not have, on a connection of its own.
    pub async fn probe(&self, path: &str) -> Result<(), String> {
        if let Some(callee) = &self.in_process {
            return (callee.check)().await;
        }
        let answer = within(self.timeout, Http::new(self).probe(path)).await;
        match answer.unwrap_or(Err(UpstreamError::Timeout { peer: self.name })) {
            Ok(Http::PROBED) => Ok(()),
            Ok(status) => Err(format!("{} answers {status}", self.name)),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl ServiceClient {
    /// A peer with connections of its own.
    ///
    /// # Panics
    /// If the TLS roots of the operating system cannot be read.
    pub fn new(config: &PeerConfig, metrics: Arc<Metrics>) -> Self {
        let transport = match &config.in_process {
            None => Transport::Http(Box::new(Http::new(config))),
            Some(callee) => Transport::InProcessTransport(Box::new(InProcessTransport::new(
                callee,
                config.credential.as_ref(),
            ))),
        };
        Self { name: config.name, timeout: config.timeout, transport, metrics, counters: RefCell::default() }
    }

    /// Sends a request to the endpoint `M`, as part of serving the request of `call`.
    pub async fn call<M: Endpoint>(
        &self,
        call: &RequestContext<'_>,
        parameters: &M::Path,
        fields: &M::Request,
    ) -> Result<M::Response, UpstreamError> {
        let path = &parameters.fill(M::PATH);
        let started = Instant::now();
        let spans = call.spans.filter(|spans| spans.are_wanted(&call.trace));
        let trace = spans.map_or(call.trace, |spans| spans.within(&call.trace));
        let exchange = pin!(self.exchange::<M>(call, trace, path, fields));
        let answer = within_pinned(self.timeout, exchange).await;
        let answer = answer.unwrap_or(Err(UpstreamError::Timeout { peer: self.name }));
        let outcome = answer.as_ref().map_or_else(UpstreamError::outcome, |_| ANSWERED);
        self.counters::<M>().count(outcome, started.elapsed());
        if let Some(spans) = spans {
            let attributes = vec![
                KeyValue::new("server.address", self.name),
                KeyValue::new("http.request.method", M::METHOD.as_str()),
                KeyValue::new("http.route", M::PATH),
            ];
            let error = answer.as_ref().err().map(|_| outcome);
            let (name, kind, parent) = (M::NAME, SpanKind::Client, trace.parent_bits());
            spans.end(&trace, Ended { name, kind, parent, started, error, attributes });
        }
        answer
    }

    async fn exchange<M: Endpoint>(
        &self,
        call: &RequestContext<'_>,
        trace: TraceContext,
        path: &str,
        fields: &M::Request,
    ) -> Result<M::Response, UpstreamError> {
        let request_id = call.request_id;
        match &self.transport {
            Transport::Http(peer) => peer.exchange::<M>(Sender { request_id, trace }, path, fields).await,
            Transport::InProcessTransport(peer) => {
                let caller = Caller { request_id, trace, headers: &peer.headers };
                peer.exchange::<M>(self.name, caller, path, fields).await
            }
        }
    }

    fn counters<M: Endpoint>(&self) -> Rc<ArrowCounters> {
        let mut known = self.counters.borrow_mut();
        if let Some(counters) = known.iter().find(|counters| counters.message == M::NAME) {
            return counters.clone();
        }
        let counters = Rc::new(self.metrics.arrow_out(self.name, M::NAME));
        known.push(counters.clone());
        counters
    }
}

impl InProcessTransport {
    fn new(callee: &InProcess, credential: Option<&ServiceCredential>) -> Self {
        let mut headers = header::HeaderMap::new();
        let value = credential.and_then(|known| header::HeaderValue::from_bytes(known.header()).ok());
        if let Some(value) = value {
            headers.insert(header::AUTHORIZATION, value);
        }
        Self { callee: callee.clone(), handlers: (callee.make)(), headers }
    }

    async fn exchange<M: Endpoint>(
        &self,
        peer: &'static str,
        caller: Caller<'_>,
        path: &str,
        fields: &M::Request,
    ) -> Result<M::Response, UpstreamError> {
        let handler = self.handlers.of::<M>().ok_or_else(|| {
            let what = format!("it knows no {}", M::NAME);
            UpstreamError::Invalid { peer, what }
        })?;
        self.callee.asked::<M>(path, fields);
        let answer = handler(caller, path, fields.clone()).await;
        self.callee.answered::<M>(&answer);
        answer.map_err(|body| UpstreamError::Refused { peer, body })
    }
}

impl fmt::Debug for ServiceClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({})", self.name)
    }
}
