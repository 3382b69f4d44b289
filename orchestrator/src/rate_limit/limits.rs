//! A deployment's limits, as `accounts.toml` says them in `[account.deployment.rate_limits]`, and its budget of bytes.

use std::num::NonZeroU32;

use serde::Deserialize;

/// How much a deployment takes. Each number is granted in a minute, and at once to a visitor that has been idle for a
/// minute. What the file leaves out has the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Table")]
pub struct Limits {
    /// Sessions that one visitor may create: 30.
    pub visitor_creates_per_minute: NonZeroU32,
    /// Other calls that one visitor may make: 300.
    pub visitor_calls_per_minute: NonZeroU32,
    /// Messages that one visitor may send: 20.
    pub visitor_messages_per_minute: NonZeroU32,
    /// How many of these at once: 10.
    pub visitor_messages_burst: NonZeroU32,
    /// Sessions that all visitors may create together: 6,000.
    pub creates_per_minute: NonZeroU32,
    /// How many times a visitor's limit the networks may have of the last quarter of a deployment's limit: the visitor
    /// itself (1), an IPv6 /56 (2), an IPv6 /48 or an IPv4 /24 (8).
    pub nested: [NonZeroU32; 3],
    /// What becomes of a call over a limit.
    pub mode: Mode,
}

/// What becomes of a call over a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is refused.
    #[default]
    Enforce,
    /// It is served, counted and in the audit log: for finding out what a site's visitors need.
    Log,
}

/// How much a deployment's guests may have stored in an hour, in bytes: 64 MiB. A visitor may have 1/64 of it stored,
/// which must hold the longest text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct GuestBytes(u32);

impl Mode {
    /// The name, as in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::Enforce => "enforce",
            Mode::Log => "log",
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            visitor_creates_per_minute: const { number(30) },
            visitor_calls_per_minute: const { number(300) },
            visitor_messages_per_minute: const { number(20) },
            visitor_messages_burst: const { number(10) },
            creates_per_minute: const { number(6000) },
            nested: const { [number(1), number(2), number(8)] },
            mode: Mode::default(),
        }
    }
}

const fn number(n: u32) -> NonZeroU32 {
    match NonZeroU32::new(n) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// The table before its numbers are compared with each other.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Table {
    visitor_creates_per_minute: NonZeroU32,
    visitor_calls_per_minute: NonZeroU32,
    visitor_messages_per_minute: NonZeroU32,
    visitor_messages_burst: Option<NonZeroU32>,
    creates_per_minute: NonZeroU32,
    nested: [NonZeroU32; 3],
    mode: Mode,
}

impl Default for Table {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            visitor_creates_per_minute: limits.visitor_creates_per_minute,
            visitor_calls_per_minute: limits.visitor_calls_per_minute,
            visitor_messages_per_minute: limits.visitor_messages_per_minute,
            visitor_messages_burst: None,
            creates_per_minute: limits.creates_per_minute,
            nested: limits.nested,
            mode: limits.mode,
        }
    }
}

impl TryFrom<Table> for Limits {
    type Error = &'static str;

    fn try_from(table: Table) -> Result<Self, &'static str> {
        let messages = table.visitor_messages_per_minute;
        let burst = table
            .visitor_messages_burst
            .unwrap_or_else(|| Limits::default().visitor_messages_burst.min(messages));
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
            visitor_messages_per_minute: messages,
            visitor_messages_burst: burst,
            creates_per_minute: table.creates_per_minute,
            nested: table.nested,
            mode: table.mode,
        })
    }
}

impl GuestBytes {
    /// How many shares of visitors make the whole.
    const SHARES: u32 = 64;

    /// The least: a visitor's share of it holds the longest text, 32 KiB.
    pub const MIN: u32 = Self::SHARES * 32 * 1024;

    /// What all visitors of the deployment have.
    pub const fn whole(self) -> u32 {
        self.0
    }

    /// What one visitor has of it.
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
