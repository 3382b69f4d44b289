//! The arrow out: a message to a peer, within a deadline, answered by its response, the peer's refusal or the reason
//! why there is none. There is no retry here: a user's request is tried once.

use std::{error::Error, fmt, io, sync::Arc, time::Duration, time::Instant};

use opentelemetry::{KeyValue, trace::SpanKind};
use reqwest::{
    Client, ClientBuilder, Response,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
    redirect,
};
use shared_types::{Code, ErrorBody, Message, Method};

use crate::{
    call::Call,
    metrics::Metrics,
    service_credential::ServiceCredential,
    spans::Ended,
    trace_context::{REQUEST_ID, TRACEPARENT, TraceContext},
};

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024;
/// How long a connection may take to come about.
const CONNECT_DEADLINE: Duration = Duration::from_millis(500);
/// How long an idle connection is kept: shorter than the callee's keep-alive.
const IDLE: Duration = Duration::from_secs(30);

/// A participant that this service calls. One per worker: its connections are not shared between threads.
#[derive(Clone)]
pub struct Peer {
    name: &'static str,
    base_url: String,
    credential: Option<HeaderValue>,
    client: Client,
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
}

/// Why a peer gave no answer of the contract.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// It cannot be reached.
    #[error("{peer} cannot be reached: {cause}")]
    Unavailable {
        /// The participant.
        peer: &'static str,
        /// What the connection said.
        cause: String,
    },
    /// It did not answer in time.
    #[error("{peer} did not answer in time")]
    Timeout {
        /// The participant.
        peer: &'static str,
    },
    /// It answered something that is not of the contract.
    #[error("{peer} answered something else than the contract: {what}")]
    Invalid {
        /// The participant.
        peer: &'static str,
        /// In what way; nothing of the answer itself.
        what: String,
    },
    /// It refused, as the contract lets it.
    #[error("{peer} refused: {}", body.code.as_str())]
    Refused {
        /// The participant.
        peer: &'static str,
        /// Its refusal.
        body: ErrorBody,
    },
}

impl PeerError {
    /// The code that a service's own caller is told: a peer's refusal of a token or a browser is handed on, and so is
    /// what *its* peers did; everything else that it refuses says that the two do not understand each other.
    pub fn code(&self) -> Code {
        match self {
            PeerError::Unavailable { .. } => Code::UpstreamUnavailable,
            PeerError::Timeout { .. } => Code::UpstreamTimeout,
            PeerError::Invalid { .. } => Code::UpstreamInvalid,
            PeerError::Refused { body, .. } => match body.code {
                Code::InvalidToken
                | Code::ExpiredToken
                | Code::RevokedToken
                | Code::SessionExpired
                | Code::InvalidDpopProof
                | Code::FingerprintInvalid
                | Code::UpstreamInvalid
                | Code::UpstreamUnavailable
                | Code::UpstreamTimeout => body.code,
                Code::InvalidRequest
                | Code::InvalidServiceCredential
                | Code::FingerprintUnavailable
                | Code::OriginNotAllowed
                | Code::DeploymentKeyDisabled
                | Code::DeploymentKeyNotFound
                | Code::NotFound
                | Code::MethodNotAllowed
                | Code::PayloadTooLarge
                | Code::UnsupportedMediaType
                | Code::RateLimited
                | Code::InternalError => Code::UpstreamInvalid,
            },
        }
    }

    fn outcome(&self) -> &'static str {
        match self {
            PeerError::Unavailable { .. } => "unavailable",
            PeerError::Timeout { .. } => "timeout",
            PeerError::Invalid { .. } => "invalid",
            PeerError::Refused { .. } => "refused",
        }
    }
}

impl Peer {
    /// A peer with a connection pool of its own.
    ///
    /// # Panics
    /// If the TLS roots of the operating system cannot be read.
    #[allow(clippy::expect_used, reason = "at the start, before anything is served")]
    pub fn new(config: &PeerConfig, metrics: Arc<Metrics>) -> Self {
        let client = http_client()
            .connect_timeout(CONNECT_DEADLINE.min(config.timeout))
            .timeout(config.timeout)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            .build()
            .expect("the TLS configuration of the operating system");
        let credential = config.credential.as_ref().and_then(|credential| {
            let mut value = HeaderValue::from_bytes(credential.header()).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        Self { name: config.name, base_url: config.base_url.clone(), credential, client, metrics }
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
        let answer = self.exchange::<M>(call, trace, path, fields).await;
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
        let request = self.with_credential(self.client.get(format!("{}{path}", self.base_url)));
        match request.send().await {
            Ok(response) if response.status() == Code::MethodNotAllowed.status() => Ok(()),
            Ok(response) => Err(format!("{} answers {}", self.name, response.status())),
            Err(error) => Err(self.failure(&error).to_string()),
        }
    }

    async fn exchange<M: Message>(
        &self,
        call: &Call<'_>,
        trace: TraceContext,
        path: &str,
        fields: &M::Request,
    ) -> Result<M::Response, PeerError> {
        let url = format!("{}{path}", self.base_url);
        let request = match M::METHOD {
            Method::Get => {
                let query = serde_urlencoded::to_string(fields).map_err(|error| self.invalid(&error))?;
                self.client.get(format!("{url}?{query}"))
            }
            Method::Post => {
                let body = serde_json::to_vec(fields).map_err(|error| self.invalid(&error))?;
                self.client.post(url).header(CONTENT_TYPE, "application/json").body(body)
            }
        };
        let request =
            request.header(REQUEST_ID, call.request_id.as_str()).header(TRACEPARENT, trace.to_string());
        let response = self.with_credential(request).send().await.map_err(|error| self.failure(&error))?;
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

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, PeerError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(self.invalid("an answer without end"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn with_credential(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.credential {
            Some(credential) => request.header(AUTHORIZATION, credential.clone()),
            None => request,
        }
    }

    fn failure(&self, error: &reqwest::Error) -> PeerError {
        if error.is_connect() {
            return PeerError::Unavailable { peer: self.name, cause: root(error) };
        }
        if error.is_timeout() {
            return PeerError::Timeout { peer: self.name };
        }
        if spoke_nonsense(error) {
            return self.invalid(root(error));
        }
        PeerError::Unavailable { peer: self.name, cause: root(error) }
    }

    fn invalid(&self, what: impl fmt::Display) -> PeerError {
        PeerError::Invalid { peer: self.name, what: what.to_string() }
    }
}

/// The beginning of every HTTP client of ours: TLS by ring, and neither a proxy of the environment nor a redirect, since
/// no diagram has an arrow for them.
pub fn http_client() -> ClientBuilder {
    // A second installation is refused, which is fine: the first one is ours too.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().redirect(redirect::Policy::none())
}

/// The same for the one client that waits on a thread of its own: the exporter of spans.
pub(crate) fn http_client_blocking() -> reqwest::blocking::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::blocking::Client::builder().no_proxy().redirect(redirect::Policy::none())
}

/// The innermost cause. The outer ones name the URL, whose query may say whose account it is.
fn root(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Whether the peer answered with something that is not HTTP, or with a body that is not the one it announced.
fn spoke_nonsense(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        let no_http = error.downcast_ref().is_some_and(hyper::Error::is_parse);
        // This is how hyper tells of chunks that are none.
        let no_chunks = error.downcast_ref::<io::Error>().is_some_and(|error| {
            error.kind() == io::ErrorKind::InvalidInput || error.kind() == io::ErrorKind::InvalidData
        });
        if no_http || no_chunks {
            return true;
        }
        cause = error.source();
    }
    false
}
