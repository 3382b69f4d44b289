//! In-process calls: a service called by other services of the same process, with handlers found by the endpoint's
//! type. Authorization, deadlines, logs, metrics and traces are those of each service. Skipped are JSON, connections
//! and a thread switch. Each worker of the caller has its own worker of the called service.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    pin::Pin,
    rc::Rc,
    sync::Arc,
};

use actix_web::http::header::HeaderMap;
use serde::Serialize;
use shared_types::{Endpoint, ErrorBody, Method, json};

use crate::{
    server::admin::Check,
    telemetry::trace_context::{RequestId, TraceContext},
};

/// A boxed future without `Send`: it stays on its worker's thread.
pub(crate) type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Handles the endpoint `E` in process: takes caller, path, its parameters, and request.
pub(crate) type Handler<E> = Box<
    dyn for<'a> Fn(
        Caller<'a>,
        &'a str,
        <E as Endpoint>::Path,
        <E as Endpoint>::Request,
    ) -> LocalFuture<'a, Result<<E as Endpoint>::Response, ErrorBody>>,
>;

/// The caller's side of an in-process request.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// The request id to pass on.
    pub(crate) request_id: RequestId,
    /// The caller's span.
    pub(crate) trace: TraceContext,
    /// The caller's credential, as an HTTP header.
    pub(crate) headers: &'a HeaderMap,
}

/// The handlers of one worker, by the type of their endpoint.
#[derive(Default)]
pub(crate) struct Handlers(HashMap<TypeId, Box<dyn Any>>);

impl Handlers {
    pub(crate) fn add(&mut self, endpoint: TypeId, handler: Box<dyn Any>) {
        self.0.entry(endpoint).or_insert(handler);
    }

    pub(crate) fn of<E: Endpoint>(&self) -> Option<&Handler<E>> {
        self.0.get(&TypeId::of::<E>())?.downcast_ref()
    }
}

/// A service that can be called in process. Cheap to clone; each worker of a caller creates its own worker from it.
#[derive(Clone)]
pub struct InProcess {
    pub(crate) make: Arc<dyn Fn() -> Rc<Handlers> + Send + Sync>,
    pub(crate) check: Check,
    pub(crate) observer: Option<Observer>,
}

/// Observes in-process traffic.
pub type Observer = Arc<dyn Fn(TrafficEvent<'_>) + Send + Sync>;

/// A request or response between two services, as HTTP would carry it.
#[derive(Clone, Copy, Debug)]
pub enum TrafficEvent<'a> {
    /// A request.
    Request {
        /// The method.
        method: &'static str,
        /// The path.
        path: &'a str,
        /// The body, as JSON.
        body: &'a [u8],
    },
    /// A response or an error.
    Response {
        /// The status.
        status: u16,
        /// The body, as JSON; empty with status 204.
        body: &'a [u8],
    },
}

impl InProcess {
    /// Reports all traffic to `observer`.
    #[must_use]
    pub fn observed_by(self, observer: Observer) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// Reports a request to the observer, if there is one.
    pub(crate) fn observe_request<E: Endpoint>(&self, path: &str, fields: &E::Request) {
        if let Some(observer) = &self.observer {
            let body = match E::METHOD {
                Method::Post => text(fields),
                // Over HTTP their fields are in the query.
                Method::Get | Method::Delete | Method::Any => Vec::new(),
            };
            observer(TrafficEvent::Request { method: E::METHOD.as_str(), path, body: &body });
        }
    }

    /// Reports a response to the observer, if there is one.
    pub(crate) fn observe_response<E: Endpoint>(&self, response: &Result<E::Response, ErrorBody>) {
        let Some(observer) = &self.observer else { return };
        let (status, body) = match response {
            Ok(_) if E::STATUS == 204 => (E::STATUS, Vec::new()),
            Ok(response) => (E::STATUS, text(response)),
            Err(error) => (error.code.status(), text(error)),
        };
        observer(TrafficEvent::Response { status, body: &body });
    }
}

fn text(value: &impl Serialize) -> Vec<u8> {
    json::to_vec(value).unwrap_or_default()
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}
