//! A callee that lives in its caller's process: its handlers, called by the message's type. What a call is, stays: the
//! boundary checks who calls, deadlines hold, and log, counters and traces are each service's own. What falls away is HTTP:
//! no JSON, no connection, no other thread. Each worker of the caller has a worker of the callee to itself.

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
use shared_types::{Endpoint, ErrorBody, json};

use crate::{
    admin::Check,
    trace_context::{RequestId, TraceContext},
};

/// An answer on its way.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What answers the message `M`: the caller, the path and the fields become the answer or the refusal.
pub(crate) type Handler<M> = Box<
    dyn for<'a> Fn(
        Caller<'a>,
        &'a str,
        <M as Endpoint>::Request,
    ) -> Answer<'a, Result<<M as Endpoint>::Response, ErrorBody>>,
>;

/// Who calls, and on whose behalf.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// The id of the request that the call is made for.
    pub(crate) request_id: RequestId,
    /// The caller's side of the arrow.
    pub(crate) trace: TraceContext,
    /// The caller's credential, as it would stand in a request.
    pub(crate) headers: &'a HeaderMap,
}

/// The handlers of one worker.
#[derive(Default)]
pub(crate) struct Handlers(HashMap<TypeId, Box<dyn Any>>);

impl Handlers {
    pub(crate) fn add(&mut self, message: TypeId, handler: Box<dyn Any>) {
        self.0.entry(message).or_insert(handler);
    }

    pub(crate) fn of<M: Endpoint>(&self) -> Option<&Handler<M>> {
        self.0.get(&TypeId::of::<M>())?.downcast_ref()
    }
}

/// A service that callers of this process call. Cheap to clone; a worker of theirs makes a worker of its own of it.
#[derive(Clone)]
pub struct InProcess {
    pub(crate) make: Arc<dyn Fn() -> Rc<Handlers> + Send + Sync>,
    pub(crate) check: Check,
    pub(crate) listener: Option<Listener>,
}

/// Hears what passes.
pub type Listener = Arc<dyn Fn(TrafficEvent<'_>) + Send + Sync>;

/// What passes between a caller and its callee, as it would stand in HTTP.
#[derive(Clone, Copy, Debug)]
pub enum TrafficEvent<'a> {
    /// A message.
    Asked {
        /// Its method.
        method: &'static str,
        /// Its path.
        path: &'a str,
        /// Its body, as JSON.
        body: &'a [u8],
    },
    /// Its answer or refusal.
    Answered {
        /// The status.
        status: u16,
        /// The body, as JSON.
        body: &'a [u8],
    },
}

impl InProcess {
    /// The same, heard by `listener`.
    #[must_use]
    pub fn heard_by(self, listener: Listener) -> Self {
        Self { listener: Some(listener), ..self }
    }

    /// Tells the listener, if there is one, of a message.
    pub(crate) fn asked<M: Endpoint>(&self, path: &str, fields: &M::Request) {
        if let Some(listener) = &self.listener {
            listener(TrafficEvent::Asked { method: M::METHOD.as_str(), path, body: &text(fields) });
        }
    }

    /// Tells the listener, if there is one, of an answer.
    pub(crate) fn answered<M: Endpoint>(&self, answer: &Result<M::Response, ErrorBody>) {
        let Some(listener) = &self.listener else { return };
        let (status, body) = match answer {
            Ok(answer) => (M::STATUS, text(answer)),
            Err(refusal) => (refusal.code.status(), text(refusal)),
        };
        listener(TrafficEvent::Answered { status, body: &body });
    }
}

fn text(what: &impl Serialize) -> Vec<u8> {
    json::to_vec(what).unwrap_or_default()
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}
