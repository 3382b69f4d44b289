//! What ties the log lines of one request together across services: the `request-id` and the W3C trace context.

use std::fmt;

use crate::random::Random;

/// The header that carries the request's id.
pub const REQUEST_ID: &str = "request-id";
/// The header that carries the trace context (W3C trace-context, section 3.2).
pub const TRACEPARENT: &str = "traceparent";

/// A request's id: made at the edge or taken over from the caller, passed on and answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The caller's id if it is 1 to 64 letters, digits, `-`, `_` or `.`; otherwise a fresh one. A stranger's text
    /// goes into every log line, so nothing else may stand in it.
    pub fn from_header(value: Option<&[u8]>, random: &Random) -> Self {
        let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        match value.and_then(|value| std::str::from_utf8(value).ok()) {
            Some(id) if (1..=64).contains(&id.len()) && id.as_bytes().iter().all(plain) => {
                Self(id.to_owned())
            }
            _ => Self(format!("{:032x}", random.u128())),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A trace and this service's span in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    /// The caller's span; 0 where there is none.
    parent_id: u64,
    sampled: bool,
}

impl TraceContext {
    /// Continues the caller's trace with a span of our own, or begins a new trace. A `traceparent` that is not well
    /// formed is ignored whole, as the standard asks (section 4.3).
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

    /// A span within this one, for an arrow out.
    #[must_use]
    pub fn child(&self, span_id: u64) -> Self {
        Self { span_id: span_id.max(1), parent_id: self.span_id, ..*self }
    }

    /// The same, to be traced or not.
    #[must_use]
    pub const fn sampled(self, sampled: bool) -> Self {
        Self { sampled, ..self }
    }

    /// Whether it is to be traced.
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

    /// The trace's id, as 32 hexadecimal digits.
    pub fn trace_id(&self) -> impl fmt::Display {
        struct Hex(u128);
        impl fmt::Display for Hex {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }
        Hex(self.trace_id)
    }
}

/// The value of `traceparent` for calls that this service makes.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// `version-trace_id-parent_id-flags` in lower-case hexadecimal; versions after 00 may append more.
fn parse(value: &[u8]) -> Option<(u128, u64, bool)> {
    let text = std::str::from_utf8(value).ok()?;
    let mut parts = text.splitn(5, '-');
    let mut hex = |digits: usize| {
        let part = parts.next()?;
        let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (part.len() == digits && part.bytes().all(lower)).then(|| u128::from_str_radix(part, 16).ok())?
    };
    let (version, trace_id, parent_id, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    let well_formed =
        version != 0xff && trace_id != 0 && parent_id != 0 && (version > 0 || parts.next().is_none());
    well_formed.then_some((trace_id, parent_id as u64, flags & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_goes_on_with_a_span_of_our_own() {
        let context = TraceContext::from_header(Some(GOOD.as_bytes()), &Random::default());
        assert_eq!(context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let out = context.to_string();
        assert!(out.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && out.ends_with("-01"));
        assert!(!out.contains("00f067aa0ba902b7"));
    }

    #[test]
    fn an_invalid_traceparent_is_ignored_whole() {
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
    fn a_strangers_request_id_is_taken_over_only_if_it_is_plain() {
        let random = Random::default();
        assert_eq!(RequestId::from_header(Some(b"abc-1.2_X"), &random).as_str(), "abc-1.2_X");
        for bad in [&b""[..], b"a b", b"\xff", b"a\"b", &[b'a'; 65]] {
            assert_eq!(RequestId::from_header(Some(bad), &random).as_str().len(), 32);
        }
    }
}
