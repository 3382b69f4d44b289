//! Numbers of `accounts.toml`: a deployment's rate limits, `[account.deployment.rate_limits]`, its budget of bytes, and an
//! account's retention.

use std::{num::NonZeroU32, time::Duration};

use serde::Deserialize;

/// Rate limits of a deployment. Each number is granted per minute, and as a burst after an idle minute. Missing fields have
/// the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Table")]
pub struct DeploymentLimits {
    /// Sessions that one visitor may create: 30.
    pub visitor_creates_per_minute: NonZeroU32,
    /// Other requests that one visitor may make: 300.
    pub visitor_calls_per_minute: NonZeroU32,
    /// Requests that one visitor may let wait for a message: 120.
    pub visitor_waits_per_minute: NonZeroU32,
    /// Requests of one visitor that proxies may ask about: 600.
    pub visitor_authorize_per_minute: NonZeroU32,
    /// Messages that one visitor may send: 20.
    pub visitor_messages_per_minute: NonZeroU32,
    /// Burst of these messages: 10.
    pub visitor_messages_burst: NonZeroU32,
    /// Sessions that all visitors may create together: 6,000.
    pub creates_per_minute: NonZeroU32,
    /// Multiples of a visitor's limit that networks may use of the last quarter of a deployment's limit: the visitor itself
    /// (1), an IPv6 /56 (2), an IPv6 /48 or an IPv4 /24 (8).
    pub nested: [NonZeroU32; 3],
    /// What happens to a request over a limit.
    pub mode: RateLimitMode,
}

/// What happens to a request over a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateLimitMode {
    /// It is rejected.
    #[default]
    Enforce,
    /// It is served, counted and written to the audit log: for measuring what a site's visitors need.
    Log,
}

/// Bytes that a deployment's guests may store in an hour: 64 MiB. One visitor may store 1/64 of it, which must hold the
/// longest message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct GuestBytes(u32);

/// Days that conversations are kept after their last message: 1 to 36,500.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct RetentionDays(NonZeroU32);

impl RateLimitMode {
    /// The name, as in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            RateLimitMode::Enforce => "enforce",
            RateLimitMode::Log => "log",
        }
    }
}

impl Default for DeploymentLimits {
    fn default() -> Self {
        Self {
            visitor_creates_per_minute: const { number(30) },
            visitor_calls_per_minute: const { number(300) },
            visitor_waits_per_minute: const { number(120) },
            visitor_authorize_per_minute: const { number(600) },
            visitor_messages_per_minute: const { number(20) },
            visitor_messages_burst: const { number(10) },
            creates_per_minute: const { number(6000) },
            nested: const { [number(1), number(2), number(8)] },
            mode: RateLimitMode::default(),
        }
    }
}

/// `n`; 1 instead of 0.
pub(crate) const fn number(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// The deserialised table, before cross-field validation.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Table {
    visitor_creates_per_minute: NonZeroU32,
    visitor_calls_per_minute: NonZeroU32,
    visitor_waits_per_minute: NonZeroU32,
    visitor_authorize_per_minute: NonZeroU32,
    visitor_messages_per_minute: NonZeroU32,
    visitor_messages_burst: Option<NonZeroU32>,
    creates_per_minute: NonZeroU32,
    nested: [NonZeroU32; 3],
    mode: RateLimitMode,
}

impl Default for Table {
    fn default() -> Self {
        let limits = DeploymentLimits::default();
        Self {
            visitor_creates_per_minute: limits.visitor_creates_per_minute,
            visitor_calls_per_minute: limits.visitor_calls_per_minute,
            visitor_waits_per_minute: limits.visitor_waits_per_minute,
            visitor_authorize_per_minute: limits.visitor_authorize_per_minute,
            visitor_messages_per_minute: limits.visitor_messages_per_minute,
            visitor_messages_burst: None,
            creates_per_minute: limits.creates_per_minute,
            nested: limits.nested,
            mode: limits.mode,
        }
    }
}

impl TryFrom<Table> for DeploymentLimits {
    type Error = &'static str;

    fn try_from(table: Table) -> Result<Self, &'static str> {
        let messages = table.visitor_messages_per_minute;
        let burst = table
            .visitor_messages_burst
            .unwrap_or_else(|| DeploymentLimits::default().visitor_messages_burst.min(messages));
        if burst > messages {
            return Err("expected `visitor_messages_burst` of at most `visitor_messages_per_minute`");
        }
        let [visitor, v6_of_56, v6_of_48] = table.nested;
        if visitor != NonZeroU32::MIN || v6_of_48 < v6_of_56 {
            return Err(
                "expected `nested` such as [1, 2, 8]: the first is 1, none is less than the one before",
            );
        }
        Ok(Self {
            visitor_creates_per_minute: table.visitor_creates_per_minute,
            visitor_calls_per_minute: table.visitor_calls_per_minute,
            visitor_waits_per_minute: table.visitor_waits_per_minute,
            visitor_authorize_per_minute: table.visitor_authorize_per_minute,
            visitor_messages_per_minute: messages,
            visitor_messages_burst: burst,
            creates_per_minute: table.creates_per_minute,
            nested: table.nested,
            mode: table.mode,
        })
    }
}

impl GuestBytes {
    /// Number of visitors' shares in the whole.
    const SHARES: u32 = 64;

    /// Minimum: a visitor's share holds the longest message, 32 KiB.
    pub const MIN: u32 = Self::SHARES * 32 * 1024;

    /// The budget of all visitors of the deployment.
    pub const fn whole(self) -> u32 {
        self.0
    }

    /// The budget of one visitor.
    pub const fn share(self) -> u32 {
        self.0 / Self::SHARES
    }
}

impl Default for GuestBytes {
    fn default() -> Self {
        Self(64 * 1024 * 1024)
    }
}

impl TryFrom<u32> for GuestBytes {
    type Error = &'static str;

    fn try_from(bytes: u32) -> Result<Self, &'static str> {
        if bytes < Self::MIN {
            return Err("expected 2097152 (2 MiB) at least: a visitor's share, 1/64 of it, must hold a text");
        }
        Ok(Self(bytes))
    }
}

impl RetentionDays {
    /// The number of days.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The days as a duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(24 * 3600 * self.0.get() as u64)
    }
}

impl TryFrom<u32> for RetentionDays {
    type Error = &'static str;

    fn try_from(days: u32) -> Result<Self, &'static str> {
        let days = NonZeroU32::new(days).filter(|days| days.get() <= 36_500);
        days.map(Self).ok_or("expected 1 to 36500 days")
    }
}
