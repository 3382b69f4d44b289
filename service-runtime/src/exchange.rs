//! The way from an HTTP request to a handler and back, in one place. A handler is a plain async function from a typed
//! request to a typed answer or the service's error; what is HTTP about it happens here: the boundary's check, path,
//! body, status, headers, the access-log line and the counters.

use std::time::{Duration, Instant};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    web,
};
use chrono::{DateTime, Utc};
use opentelemetry::{KeyValue, trace::SpanKind};
use shared_types::{Code, ErrorBody, Message, Method};

use crate::{
    body::{self, MAX_BODY},
    call::Call,
    refusal::{Refusal, chain},
    route_table::{Boundary, Worker},
    spans::Ended,
    trace_context::REQUEST_ID,
};

/// How long a body may take to arrive, once its head has.
const BODY_DEADLINE: Duration = Duration::from_secs(5);

/// Answers a request for the message `M`.
pub(crate) async fn serve<M, E, S, B, H>(
    worker: &Worker<S, B>,
    request: &HttpRequest,
    payload: web::Payload,
    handler: H,
) -> HttpResponse
where
    M: Message,
    E: Refusal,
    B: Boundary,
    H: AsyncFn(&S, &mut Call<'_>, M::Path, M::Request) -> Result<M::Response, E>,
{
    let mut exchange = Exchange::begin(worker, request, M::PATH, M::NAME);
    let outcome = async {
        exchange.enter(request)?;
        // A path that names nothing of the right form names nothing.
        let path = request.match_info().load::<M::Path>().map_err(|_| Refused::from(Code::NotFound))?;
        let fields = match M::METHOD {
            Method::Get => body::form(request.query_string().as_bytes()),
            Method::Post => body::parse(request.headers(), &read(request, payload).await?, B::ACCEPTS_FORMS),
        };
        let fields: M::Request = fields.map_err(|error| Refused::new(error.code, error.message))?;
        let answer = handler(&worker.state, &mut exchange.call, path, fields).await.map_err(|error| {
            let cause = (error.code().status() >= 500).then(|| chain(&error));
            Refused { code: error.code(), message: error.message().into_owned(), cause }
        })?;
        let body = serde_json::to_vec(&answer)
            .map_err(|error| Refused { cause: Some(chain(&error)), ..Refused::from(Code::InternalError) })?;
        Ok((M::STATUS, body))
    }
    .await;
    exchange.finish(outcome)
}

async fn read(request: &HttpRequest, payload: web::Payload) -> Result<web::Bytes, Refused> {
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > MAX_BODY as u64) {
        return Err(Code::PayloadTooLarge.into());
    }
    match tokio::time::timeout(BODY_DEADLINE, payload.to_bytes_limited(MAX_BODY)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_))) => Err(Refused::new(Code::InvalidRequest, "The body broke off.".into())),
        Ok(Err(_)) => Err(Code::PayloadTooLarge.into()),
        Err(_) => Err(Refused::new(Code::InvalidRequest, "The body did not arrive in time.".into())),
    }
}

/// Answers a method that the path does not have, `OPTIONS` among them.
pub(crate) fn other_method<S, B: Boundary>(
    worker: &Worker<S, B>,
    request: &HttpRequest,
    allow: Option<HeaderValue>,
) -> HttpResponse {
    let mut exchange = Exchange::begin(worker, request, "unmatched", "unmatched");
    if B::ANSWERS_PREFLIGHTS && request.method() == actix_web::http::Method::OPTIONS {
        worker.boundary.preflight(&mut exchange.call);
        return exchange.finish(Ok((204, Vec::new())));
    }
    let outcome = exchange.enter(request).and(Err(Refused::from(Code::MethodNotAllowed)));
    if let (Err(Refused { code: Code::MethodNotAllowed, .. }), Some(allow)) = (&outcome, allow) {
        exchange.call.set_answer_header(header::ALLOW, allow);
    }
    exchange.finish(outcome)
}

/// Answers a path that nobody listens to.
pub(crate) fn not_found<S, B: Boundary>(worker: &Worker<S, B>, request: &HttpRequest) -> HttpResponse {
    let mut exchange = Exchange::begin(worker, request, "unmatched", "unmatched");
    let outcome = exchange.enter(request).and(Err(Refused::from(Code::NotFound)));
    exchange.finish(outcome)
}

/// A refusal on its way out.
struct Refused {
    code: Code,
    message: String,
    cause: Option<String>,
}

impl Refused {
    fn new(code: Code, message: String) -> Self {
        Self { code, message, cause: None }
    }
}

impl From<Code> for Refused {
    fn from(code: Code) -> Self {
        Self::new(code, code.sentence().to_owned())
    }
}

/// One request from its head to its answer.
struct Exchange<'a, S, B> {
    worker: &'a Worker<S, B>,
    call: Call<'a>,
    method: &'static str,
    route: &'static str,
    message: &'static str,
    started: Instant,
}

impl<'a, S, B: Boundary> Exchange<'a, S, B> {
    fn begin(
        worker: &'a Worker<S, B>,
        request: &'a HttpRequest,
        route: &'static str,
        message: &'static str,
    ) -> Self {
        let started = Instant::now();
        let peer = request.peer_addr().map(|address| address.ip());
        let mut call = Call::new(request.headers(), peer, &worker.clock, &worker.random)
            .of(request.method().as_str(), request.path());
        call.trace = worker.spans.sample(call.trace);
        call.spans = Some(&worker.spans);
        Self { worker, call, method: method_name(request.method()), route, message, started }
    }

    fn enter(&mut self, request: &HttpRequest) -> Result<(), Refused> {
        self.worker.boundary.enter(&mut self.call, request.path()).map_err(Refused::from)
    }

    fn finish(self, outcome: Result<(u16, Vec<u8>), Refused>) -> HttpResponse {
        let Self { worker, call, method, route, message, started } = self;
        let (status, body, code, cause) = match outcome {
            Ok((status, body)) => (status, body, "", None),
            Err(refused) => {
                let body =
                    serde_json::to_vec(&ErrorBody::new(refused.code, refused.message)).unwrap_or_default();
                (refused.code.status(), body, refused.code.as_str(), refused.cause)
            }
        };
        let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap_or_default()).body(body);
        let headers = response.headers_mut();
        for (name, value) in call.answer_headers {
            headers.insert(name, value);
        }
        answer_headers(headers, status, code, call.request_id.as_str());
        if status == 401 {
            date(headers, call.now);
        }
        let took = started.elapsed();
        worker.metrics.request(method, route, status, code, took);
        if worker.spans.are_wanted(&call.trace) {
            let status = i64::from(status);
            let mut attributes = vec![
                KeyValue::new("http.request.method", method),
                KeyValue::new("http.route", route),
                KeyValue::new("http.response.status_code", status),
                KeyValue::new("request_id", call.request_id.as_str().to_owned()),
            ];
            attributes.extend(call.account.map(|account| KeyValue::new("account", account.to_string())));
            attributes.extend((!code.is_empty()).then(|| KeyValue::new("error.type", code)));
            // By the conventions of OpenTelemetry a server has failed only where the fault is its own.
            let error = (status >= 500).then_some(code);
            let (name, kind, parent) = (message, SpanKind::Server, call.trace.parent_bits());
            worker.spans.end(&call.trace, Ended { name, kind, parent, started, error, attributes });
        }
        if let Some(cause) = cause {
            tracing::warn!(
                service = worker.service,
                request_id = call.request_id.as_str(),
                code,
                cause,
                "not answered as asked"
            );
        }
        tracing::info!(
            target: "access",
            service = worker.service,
            request_id = call.request_id.as_str(),
            trace_id = %call.trace.trace_id(),
            account = call.account.map(tracing::field::display),
            method,
            route,
            status,
            code,
            duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "request"
        );
        response
    }
}

/// What answers carry whatever the service: RFC 6749 section 5.1 asks for `no-store` where a token is, RFC 9110 for
/// `WWW-Authenticate` on 401.
fn answer_headers(headers: &mut HeaderMap, status: u16, code: &'static str, request_id: &str) {
    if status != 204 {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if status == 401 && !headers.contains_key(header::WWW_AUTHENTICATE) {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge(code)));
    }
    if matches!(status, 429 | 503) && !headers.contains_key(header::RETRY_AFTER) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static(REQUEST_ID), value);
    }
}

/// The time by which the call was judged (RFC 9110, section 6.6.1). A page whose clock is wrong learns from it which
/// time its next proof of possession must tell; the web server's own `Date` would be the machine's clock.
fn date(headers: &mut HeaderMap, now: DateTime<Utc>) {
    if let Ok(value) = HeaderValue::from_str(&now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        headers.insert(header::DATE, value);
    }
}

/// RFC 6750, section 3: `invalid_token` covers expired and revoked ones too. RFC 9449, section 7.1, for proofs.
fn challenge(code: &str) -> &'static str {
    if code == Code::InvalidServiceCredential.as_str() {
        r#"Bearer realm="services""#
    } else if code == Code::InvalidDpopProof.as_str() {
        r#"DPoP error="invalid_dpop_proof", algs="ES256""#
    } else {
        r#"Bearer realm="webchat", error="invalid_token""#
    }
}

/// A stranger's method must not become a label of its own.
fn method_name(method: &actix_web::http::Method) -> &'static str {
    match method.as_str() {
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
