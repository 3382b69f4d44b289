//! The table of routes: which message goes to which handler, on one screen of the service's `app.rs`. How a request
//! gets there and back is `exchange`.

pub(crate) mod pattern;

use std::{
    any::{Any, TypeId},
    net::IpAddr,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use actix_web::{
    HttpRequest, HttpResponse,
    dev::{Payload, ServiceRequest, ServiceResponse, fn_service},
    http::header::HeaderValue,
    web,
};
use shared_types::{Code, Endpoint, Method};

use crate::{
    api_error::ApiError,
    clock::Clock,
    exchange::{InFlight, Labels, not_found, other_method, serve, serve_in_process},
    in_process::{Answer, Handler, Handlers},
    metrics::Metrics,
    random::Random,
    request_context::RequestContext,
    route_table::pattern::{Parameters, Pattern, Segments},
    spans::Spans,
    tls::CalleeTls,
};

/// Who may come in, and what every answer carries, refusals included.
pub trait AccessPolicy: 'static {
    /// Whether bodies may be forms.
    const ACCEPTS_FORMS: bool;
    /// Whether `OPTIONS` is answered, on every path that has a route.
    const ANSWERS_PREFLIGHTS: bool = false;

    /// Checks the caller before anything else of the request is looked at.
    fn authorize(&self, call: &mut RequestContext<'_>, path: &str) -> Result<(), Code>;

    /// The network of the client that makes the call, where clients share what the service can do.
    fn client(&self, _call: &RequestContext<'_>) -> Option<IpAddr> {
        None
    }

    /// The headers of a preflight's answer, where the boundary answers preflights.
    fn preflight(&self, _call: &mut RequestContext<'_>) {}
}

/// What the requests of one worker share: the service's state, and what the runtime needs beside it.
pub struct Worker<S, B> {
    /// The service's own.
    pub state: S,
    /// Who may come in.
    pub access_policy: B,
    /// The time.
    pub clock: Clock,
    /// Randomness, for ids.
    pub random: Random,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where its spans go.
    pub spans: Spans,
    /// Which connections end with their next answer.
    pub connection_drain: ConnectionDrain,
    /// The requests that it serves now.
    pub(crate) in_flight: InFlight,
    /// The participant's name, for the log.
    pub service: &'static str,
}

/// Which connections end with their next answer: all of a service that stops, and those that were made with other
/// certificates than the present ones.
#[derive(Clone, Default)]
pub struct ConnectionDrain {
    /// Set when the service begins to stop.
    pub stopping: Arc<AtomicBool>,
    /// The service's certificates, if it has any.
    pub tls: Option<CalleeTls>,
}

/// With which of the service's certificates a connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsGeneration(pub u64);

impl ConnectionDrain {
    /// Whether the connection of this request does.
    pub fn applies_to(&self, request: &HttpRequest) -> bool {
        let replaced = self.tls.as_ref().is_some_and(|files| {
            request.conn_data::<TlsGeneration>().is_some_and(|made| made.0 != files.generation())
        });
        replaced || self.stopping.load(Ordering::Relaxed)
    }
}

/// The routes of a service: which message goes to which handler.
pub struct RouteTable<S, B> {
    worker: Rc<Worker<S, B>>,
    routes: Vec<Route>,
}

struct Route {
    pattern: Pattern,
    method: Method,
    serve: Serve,
    /// The same for callers of this process, who know the message by its type: a [`Handler`] of it.
    here: (TypeId, Box<dyn Any>),
}

type Serve = Box<dyn Fn(&HttpRequest, Payload, Parameters<'_>) -> Answer<'static, HttpResponse>>;

impl<S: 'static, B: AccessPolicy> RouteTable<S, B> {
    /// A table without routes.
    pub fn new(worker: Rc<Worker<S, B>>) -> Self {
        Self { worker, routes: Vec::new() }
    }

    /// Serves the endpoint `M` with `handler`, on all its paths. The version of a path matches in either case: `/v1` and
    /// `/V1`.
    pub fn on<M, E, H>(self, handler: H) -> Self
    where
        M: Endpoint,
        E: ApiError,
        H: AsyncFn(&S, &mut RequestContext<'_>, M::Path, M::Request) -> Result<M::Response, E>
            + Copy
            + 'static,
    {
        let paths = std::iter::once(&M::PATH).chain(M::OTHER_PATHS);
        paths.fold(self, |table, path| table.on_path::<M, E, H>(path, handler))
    }

    fn on_path<M, E, H>(mut self, path: &str, handler: H) -> Self
    where
        M: Endpoint,
        E: ApiError,
        H: AsyncFn(&S, &mut RequestContext<'_>, M::Path, M::Request) -> Result<M::Response, E>
            + Copy
            + 'static,
    {
        let labels = Rc::new(Labels::of_message::<M>(&self.worker.metrics));
        let (worker, known) = (self.worker.clone(), labels.clone());
        let serve: Serve = Box::new(move |request, payload, parameters| {
            let (worker, labels, request) = (worker.clone(), known.clone(), request.clone());
            let path = pattern::typed(parameters);
            Box::pin(async move {
                serve::<M, E, S, B, H>(&worker, &labels, &request, payload, path, handler).await
            })
        });
        let (worker, pattern) = (self.worker.clone(), Pattern::new(path));
        let here: Handler<M> = Box::new(move |caller, path, fields| {
            let (worker, labels) = (worker.clone(), labels.clone());
            let parameters = Segments::of(path).and_then(|path| pattern.read(&path));
            let path = (path, parameters.and_then(pattern::typed));
            Box::pin(async move {
                serve_in_process::<M, E, S, B, H>(&worker, &labels, caller, path, fields, handler).await
            })
        });
        self.routes.push(Route {
            pattern: Pattern::new(path),
            method: M::METHOD,
            serve,
            here: (TypeId::of::<M>(), Box::new(here)),
        });
        self
    }

    /// Hands the routes to actix, with the answers for other methods and other paths.
    pub fn configure(self, config: &mut web::ServiceConfig) {
        let table = Rc::new(self);
        config.default_service(fn_service(move |request: ServiceRequest| {
            let table = table.clone();
            async move {
                let (request, payload) = request.into_parts();
                let response = table.dispatch(&request, payload).await;
                Ok(ServiceResponse::new(request, response))
            }
        }));
    }

    async fn dispatch(&self, request: &HttpRequest, payload: Payload) -> HttpResponse {
        let mut allow = Vec::new();
        let segments = Segments::of(request.path());
        for route in &self.routes {
            let Some(parameters) = segments.as_ref().and_then(|path| route.pattern.read(path)) else {
                continue;
            };
            if route.method.as_str() == request.method().as_str() {
                return (route.serve)(request, payload, parameters).await;
            }
            allow.push(route.method.as_str());
        }
        if allow.is_empty() {
            return not_found(&self.worker, &Labels::UNMATCHED, request);
        }
        allow.extend(B::ANSWERS_PREFLIGHTS.then_some("OPTIONS"));
        let allow = HeaderValue::try_from(allow.join(", ")).ok();
        other_method(&self.worker, &Labels::UNMATCHED, request, allow)
    }

    /// The handlers, for callers of this process. Of several paths of one message the first answers.
    pub(crate) fn here(self) -> Handlers {
        let mut handlers = Handlers::default();
        for Route { here: (message, handler), .. } in self.routes {
            handlers.add(message, handler);
        }
        handlers
    }
}
