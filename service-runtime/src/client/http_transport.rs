//! Requests over HTTP/1.1.

use std::{error::Error, fmt, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{
    Method as Verb, Request, Response, Uri,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue},
};
use shared_types::{Code, Endpoint, ErrorBody, Method, json};

use super::{
    config::PeerConfig,
    connection::{Connector, Trust},
    pool::{ConnectError, Pool, PooledConnection},
    upstream_error::{UpstreamError, is_protocol_error, root_cause},
};
use crate::{
    telemetry::trace_context::{REQUEST_ID, RequestId, TRACEPARENT, TraceContext},
    tls,
};

/// Deadline of connecting, including the TLS handshake.
const CONNECT_DEADLINE: Duration = Duration::from_millis(500);
/// Maximum size of a response body, in bytes.
const MAX_RESPONSE: usize = 256 * 1024;

const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static(REQUEST_ID);
const TRACEPARENT_HEADER: HeaderName = HeaderName::from_static(TRACEPARENT);

/// Sends requests to one base URL.
pub(super) struct Http {
    name: &'static str,
    /// Prefix of every request path.
    base_path: String,
    /// Headers of every request.
    headers: HeaderMap,
    pool: Pool,
}

/// Headers specific to one request.
#[derive(Clone, Copy)]
pub(super) struct RequestIds {
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
                Trust::System(tls::platform_config().expect("the TLS configuration of the operating system"))
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

    /// Sends a request and reads the response.
    pub(super) async fn exchange<E: Endpoint>(
        &self,
        ids: RequestIds,
        path: &str,
        fields: &E::Request,
    ) -> Result<E::Response, UpstreamError> {
        let (target, verb, body) = match E::METHOD {
            Method::Get | Method::Delete | Method::Any => {
                let query = serde_urlencoded::to_string(fields).map_err(|error| self.invalid(error))?;
                let verb = if E::METHOD == Method::Delete { Verb::DELETE } else { Verb::GET };
                let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
                (self.target(&target)?, verb, Bytes::new())
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
            *request.headers_mut() = self.headers_of(ids, E::METHOD);
            request
        };
        let (response, mut connection) = self.send(request, E::IDEMPOTENT).await?;
        let status = response.status().as_u16();
        let body = connection.driver.until(self.read(response)).await?;
        self.pool.put(connection);
        if status == E::STATUS {
            // A response without a body is read as one without members.
            let body = if status == 204 { Bytes::from_static(b"{}") } else { body };
            return json::from_service(&body).map_err(|_| self.invalid("unexpected response body"));
        }
        match json::from_service::<ErrorBody>(&body) {
            Ok(body) if body.code.status() == status => Err(UpstreamError::Refused { peer: self.name, body }),
            _ => Err(self.invalid(format_args!("status {status}"))),
        }
    }

    /// Requests a path with a method that it does not support, and returns the status.
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

    fn headers_of(&self, ids: RequestIds, method: Method) -> HeaderMap {
        let mut headers = self.headers.clone();
        if method == Method::Post {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let own = [
            (REQUEST_ID_HEADER, HeaderValue::from_bytes(ids.request_id.as_str().as_bytes())),
            (TRACEPARENT_HEADER, HeaderValue::try_from(ids.trace.header())),
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
        is_idempotent: bool,
    ) -> Result<(Response<Incoming>, PooledConnection), UpstreamError> {
        while let Some(mut pooled) = self.pool.take() {
            if pooled.driver.until(pooled.sender.ready()).await.is_err() {
                // Closed while idle.
                continue;
            }
            let error = match pooled.driver.until(pooled.sender.try_send_request(request())).await {
                Ok(response) => return Ok(with_response(response, pooled)),
                Err(mut error) => match error.take_message() {
                    // Nothing was sent.
                    Some(_) => continue,
                    None => error.into_error(),
                },
            };
            if !(is_idempotent && pooled.state.broke_when_reused()) {
                return Err(self.broken(&error));
            }
            let cause = root_cause(&error);
            tracing::info!(
                peer = self.name,
                cause,
                "idle connection closed by the server, request retried on a new connection"
            );
            break;
        }
        // Boxed because rare and large: it would enlarge every request's future.
        let connected = Box::pin(self.pool.connect()).await;
        let mut fresh = connected.map_err(|error| self.not_connected(&error))?;
        let result = fresh.driver.until(fresh.sender.send_request(request())).await;
        result.map(|response| with_response(response, fresh)).map_err(|error| self.broken(&error))
    }

    async fn read(&self, response: Response<Incoming>) -> Result<Bytes, UpstreamError> {
        let mut incoming = response.into_body();
        let (mut whole, mut rest) = (Bytes::new(), Vec::new());
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| self.broken(&error))?;
            let chunk = frame.into_data().unwrap_or_default();
            if whole.len() + rest.len() + chunk.len() > MAX_RESPONSE {
                return Err(self.invalid("response too large"));
            }
            if whole.is_empty() {
                whole = chunk;
            } else {
                rest.extend_from_slice(&chunk);
            }
        }
        Ok(if rest.is_empty() { whole } else { [whole.as_ref(), &rest].concat().into() })
    }

    fn not_connected(&self, error: &ConnectError) -> UpstreamError {
        UpstreamError::Unavailable { peer: self.name, cause: root_cause(error) }
    }

    fn broken(&self, error: &(dyn Error + 'static)) -> UpstreamError {
        if is_protocol_error(error) {
            return self.invalid(root_cause(error));
        }
        UpstreamError::Unavailable { peer: self.name, cause: root_cause(error) }
    }

    fn invalid(&self, what: impl fmt::Display) -> UpstreamError {
        UpstreamError::Invalid { peer: self.name, what: what.to_string() }
    }

    /// Expected status of a probe if the called service accepts the credential.
    pub(super) const PROBE_STATUS: u16 = Code::MethodNotAllowed.status();
}

fn with_response(
    response: Response<Incoming>,
    connection: PooledConnection,
) -> (Response<Incoming>, PooledConnection) {
    connection.state.response_received();
    (response, connection)
}
