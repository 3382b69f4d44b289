//! The arrow out: a message to a peer, within a deadline, answered by its response, the peer's refusal or the reason
//! why there is none. A message goes out once. The one exception: a connection that had served before broke under it, with
//! nothing of an answer, and the message may be repeated ([`Message::REPEATABLE`]); then it goes out once more, on a fresh
//! connection. So it is whenever a peer closes idle connections because it stops, just as a request is on its way.

mod connection;
mod failure;
mod outside;

use std::{error::Error, fmt, sync::Arc, time::Duration, time::Instant};

use http_body_util::{BodyExt, Full};
use hyper::{
    Method as Verb, Request, Response,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use hyper_util::{
    client::legacy::{
        Client, Error as ClientError,
        connect::{Connected, capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};
use opentelemetry::{KeyValue, trace::SpanKind};
use shared_types::{Code, ErrorBody, Message, Method};
use tokio::{task::JoinHandle, time::timeout};

pub use failure::PeerError;
pub use outside::http_client;
pub use outside::http_client_blocking;

use crate::{
    call::Call,
    client::{
        connection::{Connector, Story, Trust},
        failure::{root, spoke_nonsense},
    },
    metrics::Metrics,
    service_credential::ServiceCredential,
    spans::Ended,
    tls::{self, CallerTls},
    trace_context::{REQUEST_ID, TRACEPARENT, TraceContext},
};

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024;
/// How long a connection may take to come about.
const CONNECT_DEADLINE: Duration = Duration::from_millis(500);
/// How long an idle connection is kept: shorter than the callee's keep-alive.
const IDLE: Duration = Duration::from_secs(30);

type Connections = Client<Connector, Full<Bytes>>;

/// A participant that this service calls. One per worker: its connections are not shared between threads.
#[derive(Clone)]
pub struct Peer {
    name: &'static str,
    base_url: String,
    credential: Option<HeaderValue>,
    timeout: Duration,
    trust: Trust,
    kept: Connections,
    fresh: Connections,
    metrics: Arc<Metrics>,
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
}

impl PeerConfig {
    /// Follows the certificates' files, where there are any: a task to be run beside the service.
    pub fn follow(&self) -> Option<JoinHandle<()>> {
        let files = self.tls.clone()?;
        Some(tokio::spawn(async move { files.follow().await }))
    }
}

impl Peer {
    /// A peer with connections of its own.
    ///
    /// # Panics
    /// If the TLS roots of the operating system cannot be read.
    #[allow(clippy::expect_used, reason = "at the start, before anything is served")]
    pub fn new(config: &PeerConfig, metrics: Arc<Metrics>) -> Self {
        let trust = match &config.tls {
            Some(files) => Trust::Files(files.clone()),
            None if config.base_url.starts_with("https:") => {
                Trust::System(tls::of_the_system().expect("the TLS configuration of the operating system"))
            }
            None => Trust::Plain,
        };
        let connector = Connector::new(trust.clone(), CONNECT_DEADLINE.min(config.timeout));
        let connections = |kept| {
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(kept)
                .build(connector.clone())
        };
        let credential = config.credential.as_ref().and_then(|credential| {
            let mut value = HeaderValue::from_bytes(credential.header()).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        Self {
            name: config.name,
            base_url: config.base_url.clone(),
            credential,
            timeout: config.timeout,
            trust,
            kept: connections(usize::MAX),
            fresh: connections(0),
            metrics,
        }
    }

    /// Sends the message `M` on behalf of `call`.
    pub async fn call<M: Message>(
        &self,
        call: &Call<'_>,
        path: &str,
        fields: &M::Request,
    ) -> Result<M::Response, PeerError> {
        let started = Instant::now();
        let spans = call.spans.filter(|spans| spans.are_wanted(&call.trace));
        let trace = spans.map_or(call.trace, |spans| spans.within(&call.trace));
        let answer = self.in_time(self.exchange::<M>(call, trace, path, fields)).await;
        let outcome = answer.as_ref().map_or_else(PeerError::outcome, |_| "answered");
        self.metrics.upstream(self.name, M::NAME, outcome, started.elapsed());
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

    /// Whether the peer answers at all and takes this service for its caller: asks for `path` with a method that it
    /// does not have.
    pub async fn probe(&self, path: &str) -> Result<(), String> {
        let asked = async {
            let request =
                self.request(Verb::GET, path).body(Full::default()).map_err(|error| self.invalid(error))?;
            self.send(request, true).await
        };
        match self.in_time(asked).await {
            Ok(response) if response.status() == Code::MethodNotAllowed.status() => Ok(()),
            Ok(response) => Err(format!("{} answers {}", self.name, response.status())),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn in_time<T>(&self, answer: impl Future<Output = Result<T, PeerError>>) -> Result<T, PeerError> {
        timeout(self.timeout, answer).await.unwrap_or(Err(PeerError::Timeout { peer: self.name }))
    }

    async fn exchange<M: Message>(
        &self,
        call: &Call<'_>,
        trace: TraceContext,
        path: &str,
        fields: &M::Request,
    ) -> Result<M::Response, PeerError> {
        let (request, body) = match M::METHOD {
            Method::Get => {
                let query = serde_urlencoded::to_string(fields).map_err(|error| self.invalid(error))?;
                (self.request(Verb::GET, &format!("{path}?{query}")), Bytes::new())
            }
            Method::Post => {
                let body = serde_json::to_vec(fields).map_err(|error| self.invalid(error))?;
                (self.request(Verb::POST, path).header(CONTENT_TYPE, "application/json"), body.into())
            }
        };
        let request = request
            .header(REQUEST_ID, call.request_id.as_str())
            .header(TRACEPARENT, trace.to_string())
            .body(Full::new(body))
            .map_err(|error| self.invalid(error))?;
        let response = self.send(request, M::REPEATABLE).await?;
        let status = response.status().as_u16();
        let body = self.read(response).await?;
        if status == M::STATUS {
            return serde_json::from_slice(&body).map_err(|_| self.invalid("an answer of another form"));
        }
        match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(body) if body.code.status() == status => Err(PeerError::Refused { peer: self.name, body }),
            _ => Err(self.invalid(format_args!("status {status}"))),
        }
    }

    fn request(&self, method: Verb, path: &str) -> hyper::http::request::Builder {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.base_url));
        match &self.credential {
            Some(credential) => request.header(AUTHORIZATION, credential.clone()),
            None => request,
        }
    }

    async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        repeatable: bool,
    ) -> Result<Response<Incoming>, PeerError> {
        let again = repeatable.then(|| request.clone());
        let connection = capture_connection(&mut request);
        let answer = self.kept.request(request).await;
        let story = Story::of(&connection);
        match (answer, again, story) {
            (Ok(response), _, Some(story)) => {
                story.answered();
                if story.generation != self.trust.generation() {
                    // Its certificates have been replaced: the next request is to be made with the new ones.
                    let _ = connection.connection_metadata().as_ref().map(Connected::poison);
                }
                Ok(response)
            }
            (Ok(response), _, None) => Ok(response),
            (Err(error), Some(again), Some(story)) if story.broke_when_reused() => {
                let cause = root(&error);
                tracing::info!(
                    peer = self.name,
                    cause,
                    "an idle connection was closed; sent again on a fresh one"
                );
                self.fresh.request(again).await.map_err(|error| self.failed(&error))
            }
            (Err(error), _, _) => Err(self.failed(&error)),
        }
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Vec<u8>, PeerError> {
        let (mut incoming, mut body) = (response.into_body(), Vec::new());
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| self.broken(&error))?;
            let chunk = frame.into_data().unwrap_or_default();
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(self.invalid("an answer without end"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn failed(&self, error: &ClientError) -> PeerError {
        if error.is_connect() {
            return PeerError::Unavailable { peer: self.name, cause: root(error) };
        }
        self.broken(error)
    }

    fn broken(&self, error: &(dyn Error + 'static)) -> PeerError {
        if spoke_nonsense(error) {
            return self.invalid(root(error));
        }
        PeerError::Unavailable { peer: self.name, cause: root(error) }
    }

    fn invalid(&self, what: impl fmt::Display) -> PeerError {
        PeerError::Invalid { peer: self.name, what: what.to_string() }
    }
}
