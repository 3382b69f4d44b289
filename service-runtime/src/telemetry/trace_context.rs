//! Correlates the log lines of one request across services: the `request-id` header and the W3C trace context.

use std::fmt;

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
            Some(_) | None => Self::of(&hex::<16, 32>(random.bytes())),
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

/// A trace id, as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceId([u8; 32]);

impl TraceId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `N` bytes as `D` = 2`N` lower-case hexadecimal digits.
fn hex<const N: usize, const D: usize>(bytes: [u8; N]) -> [u8; D] {
    const { assert!(D == 2 * N) };
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    let mut digits = [0; D];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    digits
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

    /// The trace id.
    pub fn trace_id(&self) -> TraceId {
        TraceId(hex(self.trace_id.to_be_bytes()))
    }

    /// The `traceparent` of outgoing requests.
    pub fn header(&self) -> [u8; 55] {
        let mut value = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let (trace, span) =
            (hex::<16, 32>(self.trace_id.to_be_bytes()), hex::<8, 16>(self.span_id.to_be_bytes()));
        let ids = [(3, trace.as_slice()), (36, span.as_slice())];
        for (at, digits) in ids {
            value.iter_mut().skip(at).zip(digits).for_each(|(byte, digit)| *byte = *digit);
        }
        if let Some(flags) = value.last_mut().filter(|_| self.sampled) {
            *flags = b'1';
        }
        value
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
    let mut number = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        part.iter().try_fold(0u128, |number, digit| {
            let nibble = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            Some(number << 4 | u128::from(nibble))
        })
    };
    let (version, trace_id, parent_id, flags) = (number(2)?, number(32)?, number(16)?, number(2)?);
    let is_well_formed =
        version != 0xff && trace_id != 0 && parent_id != 0 && (version > 0 || parts.next().is_none());
    is_well_formed.then_some((trace_id, parent_id as u64, flags & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_continues_with_a_new_span() {
        let context = TraceContext::from_header(Some(GOOD.as_bytes()), &Random::default());
        assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let header = context.header();
        let out = str::from_utf8(&header).unwrap();
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
