//! The route table: maps endpoints to handlers, on one screen of the service's `app.rs`.

mod pattern;

use std::{
    any::{Any, TypeId},
    rc::Rc,
};

use actix_web::{
    HttpRequest, HttpResponse,
    dev::{Payload, ServiceRequest, ServiceResponse, fn_service},
    http::header::HeaderValue,
    web,
};
use shared_types::{Endpoint, Method};

use self::pattern::{Parameters, Pattern, Segments};
use crate::{
    http::{
        access_policy::AccessPolicy,
        api_error::ApiError,
        exchange::{not_found, other_method, serve, serve_in_process},
        labels::Labels,
        routes::{EndpointHandler, Routes},
        worker::Worker,
    },
    in_process::{Handler, Handlers, LocalFuture},
};

/// The routes of a service.
pub struct RouteTable<S, P> {
    worker: Rc<Worker<S, P>>,
    routes: Vec<Route>,
}

struct Route {
    pattern: Pattern,
    method: Method,
    serve: Serve,
    /// The [`Handler`] for in-process callers, found by the endpoint's type.
    in_process: (TypeId, Box<dyn Any>),
}

/// Served as `GET`; the HTTP library leaves the body out (RFC 9110, section 9.3.2).
const HEAD: &str = "HEAD";

impl Route {
    fn accepts(&self, method: &str) -> bool {
        match self.method {
            Method::Any => true,
            Method::Get => method == HEAD || method == Method::Get.as_str(),
            Method::Post | Method::Delete => method == self.method.as_str(),
        }
    }
}

type Serve = Box<dyn Fn(&HttpRequest, Payload, Parameters<'_>) -> LocalFuture<'static, HttpResponse>>;

impl<S: 'static, P: AccessPolicy> Routes<S, P> for RouteTable<S, P> {
    fn on<E, F, H>(self, handler: H) -> Self
    where
        E: Endpoint,
        F: ApiError,
        H: EndpointHandler<S, E, F>,
    {
        let paths = std::iter::once(&E::PATH).chain(E::OTHER_PATHS);
        paths.fold(self, |table, path| table.on_path::<E, F, H>(path, handler))
    }
}

impl<S: 'static, P: AccessPolicy> RouteTable<S, P> {
    /// An empty table.
    pub(crate) fn new(worker: Rc<Worker<S, P>>) -> Self {
        Self { worker, routes: Vec::new() }
    }

    fn on_path<E, F, H>(mut self, path: &str, handler: H) -> Self
    where
        E: Endpoint,
        F: ApiError,
        H: EndpointHandler<S, E, F>,
    {
        let labels = Rc::new(Labels::of_endpoint::<E>(&self.worker.metrics));
        let (worker, known) = (self.worker.clone(), labels.clone());
        let serve: Serve = Box::new(move |request, payload, parameters| {
            let (worker, labels, request) = (worker.clone(), known.clone(), request.clone());
            let path = pattern::typed(parameters);
            Box::pin(async move {
                serve::<E, F, S, P, H>(&worker, &labels, &request, payload, path, handler).await
            })
        });
        let worker = self.worker.clone();
        let in_process: Handler<E> = Box::new(move |caller, path, parameters, fields| {
            let (worker, labels, path) = (worker.clone(), labels.clone(), (path, parameters));
            Box::pin(async move {
                serve_in_process::<E, F, S, P, H>(&worker, &labels, caller, path, fields, handler).await
            })
        });
        self.routes.push(Route {
            pattern: Pattern::new(path),
            method: E::METHOD,
            serve,
            in_process: (TypeId::of::<E>(), Box::new(in_process)),
        });
        self
    }

    /// Registers the routes with actix-web, and responses for other methods and paths.
    pub(crate) fn configure(self, config: &mut web::ServiceConfig) {
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
            if route.accepts(request.method().as_str()) {
                return (route.serve)(request, payload, parameters).await;
            }
            allow.push(route.method.as_str());
            allow.extend((route.method == Method::Get).then_some(HEAD));
        }
        if allow.is_empty() {
            return not_found(&self.worker, &Labels::UNMATCHED, request);
        }
        allow.extend(P::ANSWERS_PREFLIGHTS.then_some("OPTIONS"));
        let allow = HeaderValue::try_from(allow.join(", ")).ok();
        other_method(&self.worker, &Labels::UNMATCHED, request, allow)
    }

    /// The handlers for in-process callers. If an endpoint has several paths, the first one's handler is used.
    pub(crate) fn in_process(self) -> Handlers {
        let mut handlers = Handlers::default();
        for Route { in_process: (endpoint, handler), .. } in self.routes {
            handlers.add(endpoint, handler);
        }
        handlers
    }
}
