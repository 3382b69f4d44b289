//! The limits by name, and the error and headers of a request over one of them.

use std::time::Duration;

use super::{bucket::MINUTE, window::HOUR};
use crate::admission::networks::Prefix;

/// The limits. Those of visitors and deployments are named as in `accounts.toml`, those of networks after the deployment's
/// limit whose last quarter they divide; the last two are those of the desk's listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Sessions that a visitor creates.
    VisitorCreates,
    /// All other requests of a visitor.
    VisitorCalls,
    /// Messages that a visitor sends.
    VisitorMessages,
    /// Requests of a visitor that wait for a message.
    VisitorWaits,
    /// Requests of a visitor to other services, whose proxies ask about them.
    VisitorAuthorize,
    /// Bytes that a visitor stores.
    VisitorGuestBytes,
    /// Sessions that all visitors of a deployment create.
    Creates,
    /// Sessions that a network creates, of the last quarter of [`Creates`](Self::Creates): an IPv4 /24.
    Creates24,
    /// The same: an IPv6 /56.
    Creates56,
    /// The same: an IPv6 /48.
    Creates48,
    /// Bytes that all visitors of a deployment store.
    GuestBytes,
    /// Bytes that a network stores, of the last quarter of [`GuestBytes`](Self::GuestBytes): an IPv4 /24.
    GuestBytes24,
    /// The same: an IPv6 /56.
    GuestBytes56,
    /// The same: an IPv6 /48.
    GuestBytes48,
    /// Requests with an API key.
    ApiKeyCalls,
    /// Requests of a visitor with wrong credentials of an API key.
    RefusedCredentials,
}

/// A request over a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("over the limit `{}` of {limit} in {} s", policy.as_str(), policy.window().as_secs())]
pub struct Limited {
    /// Which limit.
    pub policy: Policy,
    /// Number of requests or bytes that it grants in its window.
    pub limit: u32,
    /// Time until the request would be granted.
    pub retry_after: Duration,
}

impl Limited {
    /// `Retry-After`: whole seconds, at least one (RFC 9110, section 10.2.3).
    pub fn retry_after(&self) -> u64 {
        let rounded_up = self.retry_after.as_secs() + u64::from(self.retry_after.subsec_nanos() > 0);
        rounded_up.max(1)
    }

    /// `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers: `"visitor_creates";q=30;w=60`.
    pub fn policy_header(&self) -> String {
        let unit = if self.policy.counts_bytes() { r#";qu="content-bytes""# } else { "" };
        let (name, window) = (self.policy.as_str(), self.policy.window().as_secs());
        format!(r#""{name}";q={};w={window}{unit}"#, self.limit)
    }

    /// `RateLimit` of the same: `"visitor_creates";r=0;t=2`, where `t` is the value of `Retry-After`.
    pub fn limit_header(&self) -> String {
        format!(r#""{}";r=0;t={}"#, self.policy.as_str(), self.retry_after())
    }
}

impl Policy {
    /// The name in headers, log and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Policy::VisitorCreates => "visitor_creates",
            Policy::VisitorCalls => "visitor_calls",
            Policy::VisitorMessages => "visitor_messages",
            Policy::VisitorWaits => "visitor_waits",
            Policy::VisitorAuthorize => "visitor_authorize",
            Policy::VisitorGuestBytes => "visitor_guest_bytes",
            Policy::Creates => "creates",
            Policy::Creates24 => "creates_24",
            Policy::Creates56 => "creates_56",
            Policy::Creates48 => "creates_48",
            Policy::GuestBytes => "guest_bytes",
            Policy::GuestBytes24 => "guest_bytes_24",
            Policy::GuestBytes56 => "guest_bytes_56",
            Policy::GuestBytes48 => "guest_bytes_48",
            Policy::ApiKeyCalls => "api_key_calls",
            Policy::RefusedCredentials => "refused_credentials",
        }
    }

    pub(super) const fn creates_of(prefix: Prefix) -> Self {
        match prefix {
            Prefix::V4Of24 => Policy::Creates24,
            Prefix::V6Of56 => Policy::Creates56,
            Prefix::V6Of48 => Policy::Creates48,
        }
    }

    pub(super) const fn guest_bytes_of(prefix: Prefix) -> Self {
        match prefix {
            Prefix::V4Of24 => Policy::GuestBytes24,
            Prefix::V6Of56 => Policy::GuestBytes56,
            Prefix::V6Of48 => Policy::GuestBytes48,
        }
    }

    const fn counts_bytes(self) -> bool {
        match self {
            Policy::VisitorGuestBytes
            | Policy::GuestBytes
            | Policy::GuestBytes24
            | Policy::GuestBytes56
            | Policy::GuestBytes48 => true,
            Policy::VisitorCreates
            | Policy::VisitorCalls
            | Policy::VisitorMessages
            | Policy::VisitorWaits
            | Policy::VisitorAuthorize
            | Policy::Creates
            | Policy::Creates24
            | Policy::Creates56
            | Policy::Creates48
            | Policy::ApiKeyCalls
            | Policy::RefusedCredentials => false,
        }
    }

    /// The window of the limit.
    pub const fn window(self) -> Duration {
        if self.counts_bytes() { HOUR } else { MINUTE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_say_when_to_come_back() {
        for (wait, seconds) in [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            let retry_after = Duration::from_millis(wait);
            let limited = Limited { policy: Policy::VisitorCreates, limit: 30, retry_after };
            assert_eq!(limited.retry_after(), seconds, "{wait} ms");
            assert_eq!(limited.policy_header(), r#""visitor_creates";q=30;w=60"#);
            assert_eq!(limited.limit_header(), format!(r#""visitor_creates";r=0;t={seconds}"#));
        }
        let limited = Limited { policy: Policy::GuestBytes, limit: 1 << 26, retry_after: HOUR };
        assert_eq!(limited.policy_header(), r#""guest_bytes";q=67108864;w=3600;qu="content-bytes""#);
        assert_eq!(limited.to_string(), "over the limit `guest_bytes` of 67108864 in 3600 s");
    }
}
