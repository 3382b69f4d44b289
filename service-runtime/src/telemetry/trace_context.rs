//! Correlates the log lines of one request across services: the `request-id` header and the W3C trace context.

use std::fmt;

use hex::FromHex;
use opentelemetry::trace::{SpanId, TraceId};

use crate::random::Random;

/// The request id's header.
pub const REQUEST_ID: &str = "request-id";
/// The trace context's header (W3C trace-context, section 3.2).
pub const TRACEPARENT: &str = "traceparent";

/// Maximum length of a caller's id, in characters.
const MAX_LENGTH: usize = 64;

/// A request id: generated at the edge or taken from the caller, passed on to other services and returned in the
/// response.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    text: [u8; MAX_LENGTH],
    length: usize,
}

impl RequestId {
    /// The caller's id if it is 1 to 64 letters, digits, `-`, `_` or `.`; otherwise a new one. It is written to every
    /// log line, so other characters are not accepted.
    pub fn from_header(value: Option<&[u8]>, random: &Random) -> Self {
        let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        match value {
            Some(id) if (1..=MAX_LENGTH).contains(&id.len()) && id.iter().all(plain) => Self::of(id),
            Some(_) | None => Self::of(hex::encode(random.bytes::<16>()).as_bytes()),
        }
    }

    fn of(id: &[u8]) -> Self {
        let (mut text, length) = ([0; MAX_LENGTH], id.len());
        text.iter_mut().zip(id).for_each(|(byte, of_id)| *byte = *of_id);
        Self { text, length }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        self.text.get(..self.length).and_then(|id| str::from_utf8(id).ok()).unwrap_or_default()
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A trace and this service's span in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: TraceId,
    pub(crate) span_id: SpanId,
    /// The caller's span; invalid if there is none.
    pub(crate) parent_id: SpanId,
    sampled: bool,
}

impl TraceContext {
    /// Continues the caller's trace with a new span, or starts a new trace. A malformed `traceparent` is ignored as a
    /// whole, as the standard requires (section 4.3).
    pub fn from_header(value: Option<&[u8]>, random: &Random) -> Self {
        let (trace_id, parent_id, sampled) = value
            .and_then(parse)
            .unwrap_or_else(|| (TraceId::from_bytes(random.bytes()), SpanId::INVALID, false));
        Self { trace_id, span_id: SpanId::from_bytes(random.bytes()), parent_id, sampled }
    }

    /// A child span: of an outgoing request, or the server's span of an in-process request.
    #[must_use]
    pub fn child(&self, random: &Random) -> Self {
        Self { span_id: SpanId::from_bytes(random.bytes()), parent_id: self.span_id, ..*self }
    }

    /// Sets the sampling decision.
    #[must_use]
    pub const fn sampled(self, sampled: bool) -> Self {
        Self { sampled, ..self }
    }

    /// Whether the trace is sampled.
    pub const fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// The `traceparent` of outgoing requests.
    pub fn header(&self) -> String {
        let Self { trace_id, span_id, sampled, .. } = self;
        format!("00-{trace_id}-{span_id}-{:02x}", u8::from(*sampled))
    }
}

/// `version-trace_id-parent_id-flags` in lower-case hexadecimal; versions after 00 may append fields.
fn parse(value: &[u8]) -> Option<(TraceId, SpanId, bool)> {
    let mut parts = value.splitn(5, |byte| *byte == b'-');
    let [version] = bytes(parts.next())?;
    let trace_id = TraceId::from_bytes(bytes(parts.next())?);
    let parent_id = SpanId::from_bytes(bytes(parts.next())?);
    let [flags] = bytes(parts.next())?;
    let is_well_formed = version != 0xff
        && trace_id != TraceId::INVALID
        && parent_id != SpanId::INVALID
        && (version > 0 || parts.next().is_none());
    is_well_formed.then_some((trace_id, parent_id, flags & 1 == 1))
}

fn bytes<T: FromHex>(digits: Option<&[u8]>) -> Option<T> {
    let digits = digits.filter(|digits| !digits.iter().any(u8::is_ascii_uppercase))?;
    T::from_hex(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_continues_with_a_new_span() {
        let context = TraceContext::from_header(Some(GOOD.as_bytes()), &Random::default());
        assert_eq!(context.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let out = context.header();
        assert!(out.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && out.ends_with("-01"));
        assert!(!out.contains("00f067aa0ba902b7"));
    }

    #[test]
    fn an_invalid_traceparent_is_ignored_as_a_whole() {
        let bad = [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ];
        for text in bad {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert!(parse(GOOD.as_bytes()).is_some());
        assert!(parse(format!("{}-more", GOOD.replacen("00", "01", 1)).as_bytes()).is_some());
    }

    #[test]
    fn a_callers_request_id_is_kept_only_if_well_formed() {
        let random = Random::default();
        assert_eq!(RequestId::from_header(Some(b"abc-1.2_X"), &random).as_str(), "abc-1.2_X");
        for bad in [&b""[..], b"a b", b"\xff", b"a\"b", &[b'a'; 65]] {
            assert_eq!(RequestId::from_header(Some(bad), &random).as_str().len(), 32);
        }
    }
}
