//! The context of a request: a handler's inputs other than the fields, and the response's parts other than its body.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use actix_web::http::header::{AUTHORIZATION, AsHeaderName, HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use shared_types::{AccountSid, ApiKeySid};

use crate::{
    clock::Clock,
    http::{
        in_flight::{InFlight, Slot},
        reservation::Reservation,
    },
    random::Random,
    telemetry::{
        spans::Spans,
        trace_context::{REQUEST_ID, RequestId, TRACEPARENT, TraceContext},
    },
};

/// The context of one request.
#[derive(Debug)]
pub struct RequestContext<'a> {
    /// The request's id.
    pub request_id: RequestId,
    /// The trace context of this service's span.
    pub trace: TraceContext,
    /// When the request arrived.
    pub now: DateTime<Utc>,
    /// The HTTP method.
    pub method: &'a str,
    /// The path as received, without the query.
    pub path: &'a str,
    /// The query as received, without its question mark.
    pub query: &'a str,
    /// The remote address; a proxy's, if the client is behind one.
    pub peer: Option<IpAddr>,
    /// The account, once known, for the access log.
    pub account: Option<AccountSid>,
    /// The API key of the caller, once authenticated, for the access log.
    pub api_key: Option<ApiKeySid>,
    /// Records the spans of outgoing requests.
    pub spans: Option<&'a Spans>,
    /// The name of the service that serves the request.
    pub(crate) service: &'static str,
    // Set on the response, whether it is an error or not.
    pub(crate) answer_headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) reservation: Option<Box<dyn Reservation>>,
    /// Of the time since the request began, how long it waited for an event.
    pub(crate) waited: Duration,
    slots: Option<(InFlight, Option<IpAddr>)>,
    slot: Option<Slot>,
    headers: &'a HeaderMap,
}

impl<'a> RequestContext<'a> {
    /// The context of a request received from `peer` with `headers`.
    pub fn new(headers: &'a HeaderMap, peer: Option<IpAddr>, clock: &Clock, random: &Random) -> Self {
        let text = |name: HeaderName| headers.get(&name).map(HeaderValue::as_bytes);
        Self {
            request_id: RequestId::from_header(text(const { HeaderName::from_static(REQUEST_ID) }), random),
            trace: TraceContext::from_header(text(const { HeaderName::from_static(TRACEPARENT) }), random),
            now: clock.now(),
            method: "",
            path: "",
            query: "",
            peer,
            account: None,
            api_key: None,
            spans: None,
            service: "",
            answer_headers: Vec::new(),
            reservation: None,
            waited: Duration::ZERO,
            slots: None,
            slot: None,
            headers,
        }
    }

    /// The context of an in-process request. `request_id` and `trace` are passed on directly instead of in headers.
    pub(crate) fn in_process(
        request_id: RequestId,
        trace: TraceContext,
        headers: &'a HeaderMap,
        clock: &Clock,
    ) -> Self {
        Self {
            request_id,
            trace,
            now: clock.now(),
            method: "",
            path: "",
            query: "",
            peer: None,
            account: None,
            api_key: None,
            spans: None,
            service: "",
            answer_headers: Vec::new(),
            reservation: None,
            waited: Duration::ZERO,
            slots: None,
            slot: None,
            headers,
        }
    }

    /// Sets method and path.
    #[must_use]
    pub fn of(mut self, method: &'a str, path: &'a str) -> Self {
        (self.method, self.path) = (method, path);
        self
    }

    /// Emits a step of the sequence diagrams: a self-arrow, by the words on it. To be called where the step is taken, so
    /// that a step which is no longer taken is missing in the tests of the diagrams. Almost free unless `RUST_LOG` or a test
    /// enables the target `steps`.
    pub fn step(&self, step: &'static str) {
        tracing::trace!(
            target: "steps",
            service = self.service,
            request_id = self.request_id.as_str(),
            trace_id = %self.trace.trace_id,
            step,
            "step"
        );
    }

    /// The value of a request header; the first, if there are several.
    pub fn header(&self, name: impl AsHeaderName) -> Option<&'a [u8]> {
        self.headers.get(name).map(HeaderValue::as_bytes)
    }

    /// All request headers with lower-case names; values of one name in order.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }

    /// All values of a request header, in order.
    pub fn header_values(&self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.get_all(name).map(HeaderValue::as_bytes)
    }

    /// The credential of `Authorization: Bearer …` (RFC 6750, section 2.1).
    pub fn bearer(&self) -> Option<&'a [u8]> {
        self.credential(b"bearer")
    }

    /// The credential of `Authorization` with this scheme (case-insensitive).
    pub fn credential(&self, scheme: &[u8]) -> Option<&'a [u8]> {
        let value = self.headers.get(AUTHORIZATION)?.as_bytes();
        let (named, credential) = value.split_at_checked(value.iter().position(|b| *b == b' ')?)?;
        named.eq_ignore_ascii_case(scheme).then(|| credential.trim_ascii())
    }

    /// Holds the response's memory reservation until its last byte has left the process.
    pub fn reserve(&mut self, reservation: impl Reservation + 'static) {
        self.reservation = Some(Box::new(reservation));
    }

    /// Takes one of the worker's slots for the request; `false` if it has none for this client.
    pub(crate) fn take_slot(&mut self, slots: &InFlight, client: Option<IpAddr>) -> bool {
        self.slot = slots.take(client);
        self.slots = Some((slots.clone(), client));
        self.slot.is_some()
    }

    /// Waits for an event, and releases the worker's slot and the memory reservation before. The time does not count as the
    /// request's duration. Afterwards `now` is the time of `clock`; a request that does more than respond takes a slot with
    /// [`resume`](Self::resume).
    pub async fn wait<T>(&mut self, clock: &Clock, event: impl Future<Output = T>) -> T {
        (self.slot, self.reservation) = (None, None);
        let began = Instant::now();
        let outcome = event.await;
        self.waited += began.elapsed();
        self.now = clock.now();
        outcome
    }

    /// Takes a slot of the worker again after [`wait`](Self::wait); `false` if it has none for this client.
    #[must_use]
    pub fn resume(&mut self) -> bool {
        let Some((slots, client)) = &self.slots else { return true };
        self.slot = slots.take(*client);
        self.slot.is_some()
    }

    /// Sets a response header, replacing an earlier value.
    pub fn set_answer_header(&mut self, name: HeaderName, value: HeaderValue) {
        match self.answer_headers.iter_mut().find(|(known, _)| *known == name) {
            Some((_, earlier)) => *earlier = value,
            None => self.answer_headers.push((name, value)),
        }
    }
}
