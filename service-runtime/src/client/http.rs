//! The arrow out over HTTP/1.1.

use std::{error::Error, fmt};

use http_body_util::{BodyExt, Full};
use hyper::{
    Method as Verb, Request, Response, Uri,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue},
};
use shared_types::{Code, Endpoint, ErrorBody, Method, json};

use super::{
    CONNECT_DEADLINE, PeerConfig, UpstreamError,
    connection::{Connector, Trust},
    failure::{root, spoke_nonsense},
    pool::{NoConnection, Pool, PooledConnection},
};
use crate::{
    tls,
    trace_context::{REQUEST_ID, RequestId, TRACEPARENT, TraceContext},
};

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static(REQUEST_ID);
const TRACEPARENT_HEADER: HeaderName = HeaderName::from_static(TRACEPARENT);

/// A peer at an address.
pub(super) struct Http {
    name: &'static str,
    /// What stands before a message's path.
    base_path: String,
    /// What every request carries.
    headers: HeaderMap,
    pool: Pool,
}

/// What a request carries beside its message.
#[derive(Clone, Copy)]
pub(super) struct Sender {
    pub(super) request_id: RequestId,
    pub(super) trace: TraceContext,
}

impl Http {
    /// # Panics
    /// If the TLS roots of the operating system cannot be read.
    #[allow(clippy::expect_used, reason = "at the start, before anything is served")]
    pub(super) fn new(config: &PeerConfig) -> Self {
        let trust = match &config.tls {
            Some(files) => Trust::Files(files.clone()),
            None if config.base_url.starts_with("https:") => {
                Trust::System(tls::of_the_system().expect("the TLS configuration of the operating system"))
            }
            None => Trust::Plain,
        };
        let target: Uri = config.base_url.parse().unwrap_or_default();
        let mut headers = HeaderMap::new();
        let host = target.authority().and_then(|host| HeaderValue::try_from(host.as_str()).ok());
        let credential = config.credential.as_ref().and_then(|credential| {
            let mut value = HeaderValue::from_bytes(credential.header()).ok()?;
            value.set_sensitive(true);
            Some(value)
        });
        headers.extend(
            [(HOST, host), (AUTHORIZATION, credential)]
                .into_iter()
                .filter_map(|(name, value): (HeaderName, Option<HeaderValue>)| Some((name, value?))),
        );
        let base_path = target.path().trim_end_matches('/').to_owned();
        let connector = Connector::new(trust, CONNECT_DEADLINE.min(config.timeout));
        Self { name: config.name, base_path, headers, pool: Pool::new(connector, target) }
    }

    /// Sends a message and reads what is answered.
    pub(super) async fn exchange<M: Endpoint>(
        &self,
        sender: Sender,
        path: &str,
        fields: &M::Request,
    ) -> Result<M::Response, UpstreamError> {
        let (target, verb, body) = match M::METHOD {
            Method::Get => {
                let query = serde_urlencoded::to_string(fields).map_err(|error| self.invalid(error))?;
                (self.target(&format!("{path}?{query}"))?, Verb::GET, Bytes::new())
            }
            Method::Post => {
                let body = json::to_vec(fields).map_err(|error| self.invalid(error))?;
                (self.target(path)?, Verb::POST, body.into())
            }
        };
        let request = || {
            let mut request = Request::new(Full::new(body.clone()));
            *request.method_mut() = verb.clone();
            *request.uri_mut() = target.clone();
            *request.headers_mut() = self.headers_of(sender, M::METHOD);
            request
        };
        let (response, mut connection) = self.send(request, M::IDEMPOTENT).await?;
        let status = response.status().as_u16();
        let body = connection.wire.until(self.read(response)).await?;
        self.pool.put(connection);
        if status == M::STATUS {
            return json::from_service(&body).map_err(|_| self.invalid("an answer of another form"));
        }
        match json::from_service::<ErrorBody>(&body) {
            Ok(body) if body.code.status() == status => Err(UpstreamError::Refused { peer: self.name, body }),
            _ => Err(self.invalid(format_args!("status {status}"))),
        }
    }

    /// Asks for a path with a method that it does not have; what the status is of what is answered.
    pub(super) async fn probe(&self, path: &str) -> Result<u16, UpstreamError> {
        let target = self.target(path)?;
        let request = || {
            let mut request = Request::new(Full::default());
            *request.uri_mut() = target.clone();
            *request.headers_mut() = self.headers.clone();
            request
        };
        let (response, _) = self.send(request, true).await?;
        Ok(response.status().as_u16())
    }

    fn target(&self, path: &str) -> Result<Uri, UpstreamError> {
        let target = if self.base_path.is_empty() {
            path.parse()
        } else {
            format!("{}{path}", self.base_path).parse()
        };
        target.map_err(|error| self.invalid(error))
    }

    fn headers_of(&self, sender: Sender, method: Method) -> HeaderMap {
        let mut headers = self.headers.clone();
        if method == Method::Post {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let own = [
            (REQUEST_ID_HEADER, HeaderValue::from_bytes(sender.request_id.as_str().as_bytes())),
            (TRACEPARENT_HEADER, HeaderValue::from_bytes(&sender.trace.header())),
        ];
        for (name, value) in own {
            if let Ok(value) = value {
                headers.insert(name, value);
            }
        }
        headers
    }

    async fn send(
        &self,
        request: impl Fn() -> Request<Full<Bytes>>,
        repeatable: bool,
    ) -> Result<(Response<Incoming>, PooledConnection), UpstreamError> {
        while let Some(mut kept) = self.pool.take() {
            if kept.wire.until(kept.sender.ready()).await.is_err() {
                // It was closed while nobody used it.
                continue;
            }
            let error = match kept.wire.until(kept.sender.try_send_request(request())).await {
                Ok(response) => return Ok(answered(response, kept)),
                Err(mut error) => match error.take_message() {
                    // Nothing of it went out.
                    Some(_) => continue,
                    None => error.into_error(),
                },
            };
            if !(repeatable && kept.story.broke_when_reused()) {
                return Err(self.broken(&error));
            }
            let cause = root(&error);
            tracing::info!(
                peer = self.name,
                cause,
                "an idle connection was closed; sent again on a fresh one"
            );
            break;
        }
        // Rare, and large: what every call moves about must not have room for it.
        let connected = Box::pin(self.pool.connect()).await;
        let mut fresh = connected.map_err(|error| self.not_connected(&error))?;
        let answer = fresh.wire.until(fresh.sender.send_request(request())).await;
        answer.map(|response| answered(response, fresh)).map_err(|error| self.broken(&error))
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Bytes, UpstreamError> {
        let mut incoming = response.into_body();
        let (mut whole, mut rest) = (Bytes::new(), Vec::new());
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| self.broken(&error))?;
            let chunk = frame.into_data().unwrap_or_default();
            if whole.len() + rest.len() + chunk.len() > MAX_ANSWER {
                return Err(self.invalid("an answer without end"));
            }
            if whole.is_empty() {
                whole = chunk;
            } else {
                rest.extend_from_slice(&chunk);
            }
        }
        Ok(if rest.is_empty() { whole } else { [whole.as_ref(), &rest].concat().into() })
    }

    fn not_connected(&self, error: &NoConnection) -> UpstreamError {
        UpstreamError::Unavailable { peer: self.name, cause: root(error) }
    }

    fn broken(&self, error: &(dyn Error + 'static)) -> UpstreamError {
        if spoke_nonsense(error) {
            return self.invalid(root(error));
        }
        UpstreamError::Unavailable { peer: self.name, cause: root(error) }
    }

    fn invalid(&self, what: impl fmt::Display) -> UpstreamError {
        UpstreamError::Invalid { peer: self.name, what: what.to_string() }
    }

    /// What a probe must be answered by whoever takes this service for its caller.
    pub(super) const PROBED: u16 = Code::MethodNotAllowed.status();
}

fn answered(
    response: Response<Incoming>,
    connection: PooledConnection,
) -> (Response<Incoming>, PooledConnection) {
    connection.story.answered();
    (response, connection)
}
