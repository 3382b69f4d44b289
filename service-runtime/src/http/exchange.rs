//! One request from HTTP to its handler and back. A handler is a plain async function from a typed request to a typed
//! response or the service's error. Everything about HTTP happens here: authorization, path, body, status, headers,
//! access log and metrics. In-process callers take the same steps without the HTTP parts.

mod record;

use std::{rc::Rc, time::Instant};

use actix_web::{
    HttpRequest, HttpResponse,
    dev::Payload,
    http::{
        ConnectionType, StatusCode,
        header::{self, HeaderValue},
    },
};
use shared_types::{Code, Endpoint, ErrorBody, Method, json};

use crate::{
    http::{
        access_policy::AccessPolicy,
        api_error::{ApiError, error_chain},
        body,
        headers::{set_common_headers, set_date},
        labels::Labels,
        outcome::{Rejection, ResponseSummary},
        request_body::{has_body, read},
        request_context::RequestContext,
        response_body::response_body,
        routes::EndpointHandler,
        worker::Worker,
    },
    in_process::Caller,
    server::connection::ConnectionState,
};

/// The status of a success without a body, and so without a content type (RFC 9110, section 15.3.5).
const NO_CONTENT: u16 = 204;

/// Serves a request to the endpoint `E`.
pub(crate) async fn serve<E, F, S, P, H>(
    worker: &Worker<S, P>,
    labels: &Labels,
    request: &HttpRequest,
    payload: Payload,
    path: Option<E::Path>,
    handler: H,
) -> HttpResponse
where
    E: Endpoint,
    F: ApiError,
    P: AccessPolicy,
    H: EndpointHandler<S, E, F>,
{
    let mut exchange = Exchange::begin(worker, labels, request);
    let outcome = async {
        exchange.authorize()?;
        // A malformed path parameter is a 404.
        let path = path.ok_or(Rejection::from(Code::NotFound))?;
        let fields = match E::METHOD {
            Method::Get | Method::Delete => body::form(request.query_string().as_bytes()),
            Method::Any => body::form(b""),
            Method::Post => {
                let body = read(request, payload, E::MAX_REQUEST_BODY).await?;
                exchange.body_is_read = true;
                if body::is_encoded(request.headers()) {
                    return Err(exchange.refuse_encoding());
                }
                body::parse(request.headers(), &body, P::ACCEPTS_FORMS)
            }
        };
        // Taken after the body has arrived, so that a slow sender holds no slot.
        let client = worker.access_policy.client(&exchange.context);
        if !exchange.context.take_slot(&worker.in_flight, client) {
            return Err(Rejection::overloaded());
        }
        let fields: E::Request = fields.map_err(|error| Rejection::new(error.code, error.message))?;
        let response = exchange.handle::<E, F, H>(path, fields, handler).await?;
        if E::STATUS == NO_CONTENT {
            return Ok((E::STATUS, Vec::new()));
        }
        let body = json::to_vec(&response).map_err(|error| Rejection {
            cause: Some(error_chain(&error)),
            ..Rejection::from(Code::InternalError)
        })?;
        Ok((E::STATUS, body))
    }
    .await;
    exchange.respond(request, outcome)
}

/// Serves an in-process caller. Request and response are passed by value; authorization, log, metrics and traces are
/// the same as over HTTP.
pub(crate) async fn serve_in_process<E, F, S, P, H>(
    worker: &Worker<S, P>,
    labels: &Labels,
    caller: Caller<'_>,
    (path, parameters): (&str, E::Path),
    fields: E::Request,
    handler: H,
) -> Result<E::Response, ErrorBody>
where
    E: Endpoint,
    F: ApiError,
    P: AccessPolicy,
    H: EndpointHandler<S, E, F>,
{
    let trace = caller.trace.child(&worker.random);
    let context = RequestContext::in_process(caller.request_id, trace, caller.headers, &worker.clock);
    let mut exchange = Exchange::of(worker, labels, context.of(E::METHOD.as_str(), path));
    let outcome = async {
        exchange.authorize()?;
        exchange.handle::<E, F, H>(parameters, fields, handler).await
    }
    .await;
    exchange.record(
        outcome
            .as_ref()
            .map_or_else(|rejection| rejection.summary(), |_| ResponseSummary::success(E::STATUS)),
    );
    outcome.map_err(|rejection| ErrorBody::new(rejection.code, rejection.message))
}

/// Responds to a method without a route on this path, including `OPTIONS`.
pub(crate) fn other_method<S, P: AccessPolicy>(
    worker: &Worker<S, P>,
    labels: &Labels,
    request: &HttpRequest,
    allow: Option<HeaderValue>,
) -> HttpResponse {
    let mut exchange = Exchange::begin(worker, labels, request);
    if P::ANSWERS_PREFLIGHTS && request.method() == actix_web::http::Method::OPTIONS {
        worker.access_policy.preflight(&mut exchange.context);
        return exchange.respond(request, Ok((NO_CONTENT, Vec::new())));
    }
    let outcome = exchange.authorize().and(Err(Rejection::from(Code::MethodNotAllowed)));
    if let (Err(Rejection { code: Code::MethodNotAllowed, .. }), Some(allow)) = (&outcome, allow) {
        exchange.context.set_answer_header(header::ALLOW, allow);
    }
    exchange.respond(request, outcome)
}

/// Responds to a path without a route.
pub(crate) fn not_found<S, P: AccessPolicy>(
    worker: &Worker<S, P>,
    labels: &Labels,
    request: &HttpRequest,
) -> HttpResponse {
    let mut exchange = Exchange::begin(worker, labels, request);
    let outcome = exchange.authorize().and(Err(Rejection::from(Code::NotFound)));
    exchange.respond(request, outcome)
}

/// A request in progress.
struct Exchange<'a, S, P> {
    worker: &'a Worker<S, P>,
    labels: &'a Labels,
    context: RequestContext<'a>,
    started: Instant,
    body_is_read: bool,
}

impl<'a, S, P: AccessPolicy> Exchange<'a, S, P> {
    fn begin(worker: &'a Worker<S, P>, labels: &'a Labels, request: &'a HttpRequest) -> Self {
        if let Some(connection) = request.conn_data::<Rc<ConnectionState>>() {
            connection.request_began();
        }
        let peer = request.peer_addr().map(|address| address.ip());
        let mut context = RequestContext::new(request.headers(), peer, &worker.clock, &worker.random);
        context.trace = worker.spans.sample(context.trace);
        context.query = request.query_string();
        Self::of(worker, labels, context.of(request.method().as_str(), request.path()))
    }

    fn of(worker: &'a Worker<S, P>, labels: &'a Labels, mut context: RequestContext<'a>) -> Self {
        context.spans = Some(&worker.spans);
        context.service = worker.service;
        Self { worker, labels, context, started: Instant::now(), body_is_read: false }
    }

    fn authorize(&mut self) -> Result<(), Rejection> {
        let path = self.context.path;
        self.worker.access_policy.authorize(&mut self.context, path).map_err(Rejection::from)
    }

    async fn handle<E, F, H>(
        &mut self,
        path: E::Path,
        fields: E::Request,
        handler: H,
    ) -> Result<E::Response, Rejection>
    where
        E: Endpoint,
        F: ApiError,
        H: EndpointHandler<S, E, F>,
    {
        handler(&self.worker.state, &mut self.context, path, fields).await.map_err(|error| {
            debug_assert!(E::declares(error.code()), "{} does not declare {:?}", E::NAME, error.code());
            let cause = (error.code().status() >= 500).then(|| error_chain(&error));
            Rejection { cause, ..Rejection::new(error.code(), error.message().into_owned()) }
        })
    }

    /// The error of a body with a content coding; its response tells that one without is accepted (RFC 9110, section
    /// 12.5.3).
    fn refuse_encoding(&mut self) -> Rejection {
        self.context.set_answer_header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let message = "The body must have no `Content-Encoding`.".into();
        Rejection::new(Code::UnsupportedMediaType, message)
    }

    /// Builds the response and records the outcome.
    fn respond(mut self, request: &HttpRequest, outcome: Result<(u16, Vec<u8>), Rejection>) -> HttpResponse {
        let (summary, body, challenge) = match &outcome {
            Ok((status, _)) => (ResponseSummary::success(*status), None, None),
            Err(rejection @ Rejection { code, message, .. }) => {
                let status = self.worker.access_policy.error_status(&mut self.context, *code);
                let challenge = (status == 401).then(|| P::challenge(*code));
                let summary = ResponseSummary { status, ..rejection.summary() };
                (summary, Some(P::error_body(*code, message)), challenge)
            }
        };
        let ResponseSummary { status, .. } = summary;
        let mut response = HttpResponse::new(StatusCode::from_u16(status).unwrap_or_default());
        let body_is_unread = has_body(request) && !self.body_is_read;
        if body_is_unread && let Some(connection) = request.conn_data::<Rc<ConnectionState>>() {
            connection.discard_body();
        }
        if body_is_unread || self.worker.connection_drain.applies_to(request) {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        let headers = response.headers_mut();
        for (name, value) in std::mem::take(&mut self.context.answer_headers) {
            headers.insert(name, value);
        }
        set_common_headers(headers, status, challenge, self.context.request_id.as_str());
        if status == 401 {
            set_date(headers, self.context.now);
        }
        self.record(summary);
        let body = body.or(outcome.ok().map(|(_, body)| body)).unwrap_or_default();
        let body = response_body(request, body, self.context.reservation.take());
        response.set_body(body)
    }
}
