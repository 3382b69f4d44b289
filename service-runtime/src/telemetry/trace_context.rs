//! Correlates the log lines of one request across services: the `request-id` header and the W3C trace context.

use std::fmt;

use hex::FromHex;

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
    trace_id: u128,
    span_id: u64,
    /// The caller's span; 0 if there is none.
    parent_id: u64,
    sampled: bool,
}

impl TraceContext {
    /// Continues the caller's trace with a new span, or starts a new trace. A malformed `traceparent` is ignored as a
    /// whole, as the standard requires (section 4.3).
    pub fn from_header(value: Option<&[u8]>, random: &Random) -> Self {
        let bytes: [u8; 24] = random.bytes();
        let (trace, span) = bytes.split_at(16);
        let fresh = |bytes: &[u8]| bytes.iter().fold(0u128, |all, byte| all << 8 | u128::from(*byte)).max(1);
        let span_id = fresh(span) as u64;
        match value.and_then(parse) {
            Some((trace_id, parent_id, sampled)) => Self { trace_id, span_id, parent_id, sampled },
            None => Self { trace_id: fresh(trace), span_id, parent_id: 0, sampled: false },
        }
    }

    /// A child span, for an outgoing request.
    #[must_use]
    pub fn child(&self, span_id: u64) -> Self {
        Self { span_id: span_id.max(1), parent_id: self.span_id, ..*self }
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

    pub(crate) const fn trace_bits(&self) -> u128 {
        self.trace_id
    }

    pub(crate) const fn span_bits(&self) -> u64 {
        self.span_id
    }

    pub(crate) const fn parent_bits(&self) -> u64 {
        self.parent_id
    }

    /// The trace id, as 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The `traceparent` of outgoing requests.
    pub fn header(&self) -> String {
        let Self { trace_id, span_id, sampled, .. } = self;
        format!("00-{trace_id:032x}-{span_id:016x}-{:02x}", u8::from(*sampled))
    }

    /// The server span of an in-process request.
    pub(crate) fn in_process_child(&self, random: &Random) -> Self {
        let span_id = u64::from_be_bytes(random.bytes()).max(1);
        Self { span_id, parent_id: self.span_id, ..*self }
    }
}

/// `version-trace_id-parent_id-flags` in lower-case hexadecimal; versions after 00 may append fields.
fn parse(value: &[u8]) -> Option<(u128, u64, bool)> {
    let mut parts = value.splitn(5, |byte| *byte == b'-');
    let [version] = bytes(parts.next())?;
    let (trace_id, parent_id) = (bytes::<[u8; 16]>(parts.next())?, bytes::<[u8; 8]>(parts.next())?);
    let [flags] = bytes(parts.next())?;
    let (trace_id, parent_id) = (u128::from_be_bytes(trace_id), u64::from_be_bytes(parent_id));
    let is_well_formed =
        version != 0xff && trace_id != 0 && parent_id != 0 && (version > 0 || parts.next().is_none());
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
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
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
