//! A call as a handler sees it: what is known of it beside its fields, and what its answer is to carry beside its body.

use std::net::IpAddr;

use actix_web::http::header::{AUTHORIZATION, AsHeaderName, HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use shared_types::AccountSid;

use crate::{
    answer::Reservation,
    clock::Clock,
    random::Random,
    spans::Spans,
    trace_context::{REQUEST_ID, RequestId, TRACEPARENT, TraceContext},
};

/// One call of a message.
#[derive(Debug)]
pub struct RequestContext<'a> {
    /// The request's id.
    pub request_id: RequestId,
    /// The trace it is of.
    pub trace: TraceContext,
    /// When it arrived.
    pub now: DateTime<Utc>,
    /// Its method.
    pub method: &'a str,
    /// Its path, as it arrived, without the query.
    pub path: &'a str,
    /// The address that it came from: a proxy's, where there is one between.
    pub peer: Option<IpAddr>,
    /// The account that it turned out to be of, for the access log.
    pub account: Option<AccountSid>,
    /// Where the spans of the arrows out go.
    pub spans: Option<&'a Spans>,
    // What the answer will carry, whether it is a refusal or not.
    pub(crate) answer_headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) reservation: Option<Box<dyn Reservation>>,
    headers: &'a HeaderMap,
}

impl<'a> RequestContext<'a> {
    /// A call that arrived with `headers` from `peer`.
    pub fn new(headers: &'a HeaderMap, peer: Option<IpAddr>, clock: &Clock, random: &Random) -> Self {
        let text = |name: HeaderName| headers.get(&name).map(HeaderValue::as_bytes);
        Self {
            request_id: RequestId::from_header(text(const { HeaderName::from_static(REQUEST_ID) }), random),
            trace: TraceContext::from_header(text(const { HeaderName::from_static(TRACEPARENT) }), random),
            now: clock.now(),
            method: "",
            path: "",
            peer,
            account: None,
            spans: None,
            answer_headers: Vec::new(),
            reservation: None,
            headers,
        }
    }

    /// A call from within this process, on behalf of a caller's own call; what would stand in headers is there already.
    pub(crate) fn within(
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
            peer: None,
            account: None,
            spans: None,
            answer_headers: Vec::new(),
            reservation: None,
            headers,
        }
    }

    /// The same call, made with this method for this path.
    #[must_use]
    pub fn of(mut self, method: &'a str, path: &'a str) -> Self {
        (self.method, self.path) = (method, path);
        self
    }

    /// The value of a header of the request; the first, if there are several.
    pub fn header(&self, name: impl AsHeaderName) -> Option<&'a [u8]> {
        self.headers.get(name).map(HeaderValue::as_bytes)
    }

    /// All headers of the request with their lower-case names; those of one name in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }

    /// All values of a header of the request, in their order.
    pub fn header_values(&self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.get_all(name).map(HeaderValue::as_bytes)
    }

    /// The credential of `Authorization: Bearer …` (RFC 6750, section 2.1).
    pub fn bearer(&self) -> Option<&'a [u8]> {
        self.credential(b"bearer")
    }

    /// The credential of `Authorization`, if it is of this scheme, named in any case.
    pub fn credential(&self, scheme: &[u8]) -> Option<&'a [u8]> {
        let value = self.headers.get(AUTHORIZATION)?.as_bytes();
        let (named, credential) = value.split_at_checked(value.iter().position(|b| *b == b' ')?)?;
        named.eq_ignore_ascii_case(scheme).then(|| credential.trim_ascii())
    }

    /// Keeps what is reserved for the answer's memory until its last byte has left the process.
    pub fn reserve(&mut self, reservation: impl Reservation + 'static) {
        self.reservation = Some(Box::new(reservation));
    }

    /// Sets a header of the answer, in place of an earlier value.
    pub fn set_answer_header(&mut self, name: HeaderName, value: HeaderValue) {
        match self.answer_headers.iter_mut().find(|(known, _)| *known == name) {
            Some((_, earlier)) => *earlier = value,
            None => self.answer_headers.push((name, value)),
        }
    }
}
