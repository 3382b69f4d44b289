//! The table of routes: which message goes to which handler, on one screen of the service's `app.rs`. How a request
//! gets there and back is `exchange`.

use std::{rc::Rc, sync::Arc};

use actix_web::{HttpRequest, Resource, http::header::HeaderValue, web};
use shared_types::{Code, Message, Method};

use crate::{
    call::Call,
    clock::Clock,
    exchange::{not_found, other_method, serve},
    metrics::Metrics,
    random::Random,
    refusal::Refusal,
    spans::Spans,
};

/// Who may come in, and what every answer carries, refusals included.
pub trait Boundary: 'static {
    /// Whether bodies may be forms.
    const ACCEPTS_FORMS: bool;
    /// Whether `OPTIONS` is answered, on every path that has a route.
    const ANSWERS_PREFLIGHTS: bool = false;

    /// Checks the caller before anything else of the request is looked at.
    fn enter(&self, call: &mut Call<'_>, path: &str) -> Result<(), Code>;

    /// The headers of a preflight's answer, where the boundary answers preflights.
    fn preflight(&self, _call: &mut Call<'_>) {}
}

/// What the requests of one worker share: the service's state, and what the runtime needs beside it.
pub struct Worker<S, B> {
    /// The service's own.
    pub state: S,
    /// Who may come in.
    pub boundary: B,
    /// The time.
    pub clock: Clock,
    /// Randomness, for ids.
    pub random: Random,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where its spans go.
    pub spans: Spans,
    /// The participant's name, for the log.
    pub service: &'static str,
}

/// The routes of a service: which message goes to which handler.
pub struct RouteTable<S, B> {
    worker: Rc<Worker<S, B>>,
    paths: Vec<(String, Vec<Route>)>,
}

type Route = (Method, Box<dyn Fn() -> actix_web::Route>);

impl<S: 'static, B: Boundary> RouteTable<S, B> {
    /// A table without routes.
    pub fn new(worker: Rc<Worker<S, B>>) -> Self {
        Self { worker, paths: Vec::new() }
    }

    /// Sends the message `M` to `handler`. Its path answers with its version in either case: `/v1` and `/V1`.
    pub fn on<M, E, H>(self, handler: H) -> Self
    where
        M: Message,
        E: Refusal,
        H: AsyncFn(&S, &mut Call<'_>, M::Path, M::Request) -> Result<M::Response, E> + Copy + 'static,
    {
        self.on_path::<M, E, H>(M::PATH, handler)
    }

    /// Sends the message `M` to `handler` under another path than its own.
    pub fn on_path<M, E, H>(mut self, path: &str, handler: H) -> Self
    where
        M: Message,
        E: Refusal,
        H: AsyncFn(&S, &mut Call<'_>, M::Path, M::Request) -> Result<M::Response, E> + Copy + 'static,
    {
        for path in both_cases(path) {
            let worker = self.worker.clone();
            let make = move || {
                let worker = worker.clone();
                method_route(M::METHOD).to(move |request: HttpRequest, payload: web::Payload| {
                    let worker = worker.clone();
                    async move { serve::<M, E, S, B, H>(&worker, &request, payload, handler).await }
                })
            };
            let route: Route = (M::METHOD, Box::new(make));
            match self.paths.iter_mut().find(|(known, _)| *known == path) {
                Some((_, routes)) => routes.push(route),
                None => self.paths.push((path, vec![route])),
            }
        }
        self
    }

    /// Hands the routes to actix, with the answers for other methods and other paths.
    pub fn configure(self, config: &mut web::ServiceConfig) {
        for (path, routes) in self.paths {
            let allow = routes.iter().map(|(method, _)| method.as_str()).collect::<Vec<_>>().join(", ");
            let options = if B::ANSWERS_PREFLIGHTS { ", OPTIONS" } else { "" };
            let allow = HeaderValue::try_from(format!("{allow}{options}")).ok();
            let worker = self.worker.clone();
            let other = web::to(move |request: HttpRequest| {
                let (worker, allow) = (worker.clone(), allow.clone());
                async move { other_method(&worker, &request, allow) }
            });
            let resource = routes
                .iter()
                .fold(Resource::new(path.as_str()), |resource, (_, make)| resource.route(make()));
            config.service(resource.default_service(other));
        }
        let worker = self.worker;
        config.default_service(web::to(move |request: HttpRequest| {
            let worker = worker.clone();
            async move { not_found(&worker, &request) }
        }));
    }
}

fn both_cases(path: &str) -> Vec<String> {
    match path.get(..2) {
        Some("/v" | "/V") => {
            let rest = path.get(2..).unwrap_or_default();
            vec![format!("/v{rest}"), format!("/V{rest}")]
        }
        _ => vec![path.to_owned()],
    }
}

fn method_route(method: Method) -> actix_web::Route {
    match method {
        Method::Get => web::get(),
        Method::Post => web::post(),
    }
}
