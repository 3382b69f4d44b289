//! The way from an HTTP request to a handler and back, in one place. A handler is a plain async function from a typed
//! request to a typed answer or the service's error; what is HTTP about it happens here: the boundary's check, path,
//! body, status, headers, the access-log line and the counters. A caller of the same process comes the same way, without
//! what is HTTP about it.

mod headers;
mod in_flight;
mod outcome;
mod request_body;

use std::{rc::Rc, time::Instant};

pub(crate) use in_flight::InFlight;

use actix_web::{
    HttpRequest, HttpResponse,
    dev::Payload,
    http::{
        ConnectionType, StatusCode,
        header::{self, HeaderValue},
    },
};
use opentelemetry::{KeyValue, trace::SpanKind};
use shared_types::{AccountSid, Code, Endpoint, ErrorBody, Method, json};

use crate::{
    answer,
    api_error::{ApiError, error_chain},
    body,
    exchange::{
        headers::{answer_headers, date},
        outcome::{Refused, ResponseSummary},
        request_body::{has_body, read},
    },
    in_process::Caller,
    metrics::{Metrics, RouteCounters},
    request_context::RequestContext,
    route_table::{AccessPolicy, Worker},
    server::connection::ConnectionState,
    spans::Ended,
};

/// What a route is called in logs, metrics and traces.
pub(crate) struct Labels {
    route: &'static str,
    message: &'static str,
    /// None where the method is part of what did not match.
    known: Option<(&'static str, RouteCounters)>,
}

impl Labels {
    pub(crate) fn of_message<M: Endpoint>(metrics: &Metrics) -> Self {
        let method = M::METHOD.as_str();
        let counters = metrics.route(method, M::PATH, Some(M::STATUS));
        Self { route: M::PATH, message: M::NAME, known: Some((method, counters)) }
    }

    pub(crate) const UNMATCHED: Self = Self { route: "unmatched", message: "unmatched", known: None };
}

/// Answers a request for the message `M`.
pub(crate) async fn serve<M, E, S, B, H>(
    worker: &Worker<S, B>,
    labels: &Labels,
    request: &HttpRequest,
    payload: Payload,
    path: Option<M::Path>,
    handler: H,
) -> HttpResponse
where
    M: Endpoint,
    E: ApiError,
    B: AccessPolicy,
    H: AsyncFn(&S, &mut RequestContext<'_>, M::Path, M::Request) -> Result<M::Response, E>,
{
    let mut exchange = Exchange::begin(worker, labels, request);
    let outcome = async {
        exchange.authorize()?;
        // A path that names nothing of the right form names nothing.
        let path = path.ok_or(Refused::from(Code::NotFound))?;
        let fields = match M::METHOD {
            Method::Get => body::form(request.query_string().as_bytes()),
            Method::Post => {
                let body = read(request, payload, M::MAX_REQUEST_BODY).await?;
                exchange.body_is_read = true;
                body::parse(request.headers(), &body, B::ACCEPTS_FORMS)
            }
        };
        // Taken once the body has arrived, so that a slow sender holds no slot.
        let client = worker.access_policy.client(&exchange.call);
        let _slot = worker.in_flight.take(client).ok_or_else(Refused::overloaded)?;
        let fields: M::Request = fields.map_err(|error| Refused::new(error.code, error.message))?;
        let answer = exchange.handle::<M, E, H>(path, fields, handler).await?;
        let body = json::to_vec(&answer).map_err(|error| Refused {
            cause: Some(error_chain(&error)),
            ..Refused::from(Code::InternalError)
        })?;
        Ok((M::STATUS, body))
    }
    .await;
    exchange.respond(request, outcome)
}

/// Answers a caller of this process. The message comes and goes as it is; everything else is as it is over HTTP.
pub(crate) async fn serve_in_process<M, E, S, B, H>(
    worker: &Worker<S, B>,
    labels: &Labels,
    caller: Caller<'_>,
    path: (&str, Option<M::Path>),
    fields: M::Request,
    handler: H,
) -> Result<M::Response, ErrorBody>
where
    M: Endpoint,
    E: ApiError,
    B: AccessPolicy,
    H: AsyncFn(&S, &mut RequestContext<'_>, M::Path, M::Request) -> Result<M::Response, E>,
{
    let trace = caller.trace.arrived(&worker.random);
    let call = RequestContext::within(caller.request_id, trace, caller.headers, &worker.clock);
    let (text, path) = path;
    let mut exchange = Exchange::of(worker, labels, call.of(M::METHOD.as_str(), text));
    let outcome = async {
        exchange.authorize()?;
        let path = path.ok_or(Refused::from(Code::NotFound))?;
        exchange.handle::<M, E, H>(path, fields, handler).await
    }
    .await;
    exchange.record(
        outcome.as_ref().map_or_else(|refused| refused.told(), |_| ResponseSummary::answered(M::STATUS)),
    );
    outcome.map_err(|refused| ErrorBody::new(refused.code, refused.message))
}

/// Answers a method that the path does not have, `OPTIONS` among them.
pub(crate) fn other_method<S, B: AccessPolicy>(
    worker: &Worker<S, B>,
    labels: &Labels,
    request: &HttpRequest,
    allow: Option<HeaderValue>,
) -> HttpResponse {
    let mut exchange = Exchange::begin(worker, labels, request);
    if B::ANSWERS_PREFLIGHTS && request.method() == actix_web::http::Method::OPTIONS {
        worker.access_policy.preflight(&mut exchange.call);
        return exchange.respond(request, Ok((204, Vec::new())));
    }
    let outcome = exchange.authorize().and(Err(Refused::from(Code::MethodNotAllowed)));
    if let (Err(Refused { code: Code::MethodNotAllowed, .. }), Some(allow)) = (&outcome, allow) {
        exchange.call.set_answer_header(header::ALLOW, allow);
    }
    exchange.respond(request, outcome)
}

/// Answers a path that nobody listens to.
pub(crate) fn not_found<S, B: AccessPolicy>(
    worker: &Worker<S, B>,
    labels: &Labels,
    request: &HttpRequest,
) -> HttpResponse {
    let mut exchange = Exchange::begin(worker, labels, request);
    let outcome = exchange.authorize().and(Err(Refused::from(Code::NotFound)));
    exchange.respond(request, outcome)
}

/// One request from its head to its answer.
struct Exchange<'a, S, B> {
    worker: &'a Worker<S, B>,
    labels: &'a Labels,
    call: RequestContext<'a>,
    started: Instant,
    body_is_read: bool,
}

impl<'a, S, B: AccessPolicy> Exchange<'a, S, B> {
    fn begin(worker: &'a Worker<S, B>, labels: &'a Labels, request: &'a HttpRequest) -> Self {
        if let Some(connection) = request.conn_data::<Rc<ConnectionState>>() {
            connection.request_began();
        }
        let peer = request.peer_addr().map(|address| address.ip());
        let mut call = RequestContext::new(request.headers(), peer, &worker.clock, &worker.random);
        call.trace = worker.spans.sample(call.trace);
        Self::of(worker, labels, call.of(request.method().as_str(), request.path()))
    }

    fn of(worker: &'a Worker<S, B>, labels: &'a Labels, mut call: RequestContext<'a>) -> Self {
        call.spans = Some(&worker.spans);
        Self { worker, labels, call, started: Instant::now(), body_is_read: false }
    }

    fn authorize(&mut self) -> Result<(), Refused> {
        let path = self.call.path;
        self.worker.access_policy.authorize(&mut self.call, path).map_err(Refused::from)
    }

    async fn handle<M, E, H>(
        &mut self,
        path: M::Path,
        fields: M::Request,
        handler: H,
    ) -> Result<M::Response, Refused>
    where
        M: Endpoint,
        E: ApiError,
        H: AsyncFn(&S, &mut RequestContext<'_>, M::Path, M::Request) -> Result<M::Response, E>,
    {
        handler(&self.worker.state, &mut self.call, path, fields).await.map_err(|error| {
            debug_assert!(M::declares(error.code()), "{} does not declare {:?}", M::NAME, error.code());
            let cause = (error.code().status() >= 500).then(|| error_chain(&error));
            Refused { cause, ..Refused::new(error.code(), error.message().into_owned()) }
        })
    }

    /// The answer of an outcome, with everything written down.
    fn respond(mut self, request: &HttpRequest, outcome: Result<(u16, Vec<u8>), Refused>) -> HttpResponse {
        let (told, body) = match &outcome {
            Ok((status, _)) => (ResponseSummary::answered(*status), None),
            Err(refused) => {
                let body = ErrorBody::new(refused.code, refused.message.clone());
                (refused.told(), Some(json::to_vec(&body).unwrap_or_default()))
            }
        };
        let ResponseSummary { status, code, .. } = told;
        let mut response = HttpResponse::new(StatusCode::from_u16(status).unwrap_or_default());
        let body_is_unread = has_body(request) && !self.body_is_read;
        if body_is_unread && let Some(connection) = request.conn_data::<Rc<ConnectionState>>() {
            connection.discard_body();
        }
        if body_is_unread || self.worker.connection_drain.applies_to(request) {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        let headers = response.headers_mut();
        for (name, value) in std::mem::take(&mut self.call.answer_headers) {
            headers.insert(name, value);
        }
        answer_headers(headers, status, code, self.call.request_id.as_str());
        if status == 401 {
            date(headers, self.call.now);
        }
        self.record(told);
        let body = body.or(outcome.ok().map(|(_, body)| body)).unwrap_or_default();
        let body = answer::body(request, body, self.call.reservation.take());
        response.set_body(body)
    }

    /// Writes down what became of the request.
    fn record(&self, ResponseSummary { status, code, cause, is_shed }: ResponseSummary<'_>) {
        let Self { worker, labels, call, started, .. } = self;
        let took = started.elapsed();
        let method = match &labels.known {
            Some((method, counters)) => {
                counters.count(status, code, took);
                method
            }
            None => {
                let method = method_name(call.method);
                worker.metrics.route(method, labels.route, None).count(status, code, took);
                method
            }
        };
        if is_shed {
            return worker.in_flight.record_refusal(worker.service);
        }
        if worker.spans.are_wanted(&call.trace) {
            let mut attributes = vec![
                KeyValue::new("http.request.method", method),
                KeyValue::new("http.route", labels.route),
                KeyValue::new("http.response.status_code", i64::from(status)),
                KeyValue::new("request_id", call.request_id.as_str().to_owned()),
            ];
            attributes.extend(call.account.map(|account| KeyValue::new("account", account.to_string())));
            attributes.extend((!code.is_empty()).then(|| KeyValue::new("error.type", code)));
            // By the conventions of OpenTelemetry a server has failed only where the fault is its own.
            let error = (status >= 500).then_some(code);
            let (name, kind, parent) = (labels.message, SpanKind::Server, call.trace.parent_bits());
            worker.spans.end(&call.trace, Ended { name, kind, parent, started: *started, error, attributes });
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
        let account = call.account.map(AccountSid::text);
        tracing::info!(
            target: "access",
            service = worker.service,
            request_id = call.request_id.as_str(),
            trace_id = call.trace.trace_id().as_str(),
            account = account.as_deref(),
            method,
            route = labels.route,
            status,
            code,
            duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "request"
        );
    }
}

/// A stranger's method must not become a label of its own.
fn method_name(method: &str) -> &'static str {
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
