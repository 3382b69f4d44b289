//! A deployment's limits, as `accounts.toml` says them in `[account.deployment.rate_limits]`.

use std::num::NonZeroU32;

use serde::Deserialize;

/// How much a deployment takes. Each number is granted in a minute, and at once to whoever has been idle for a minute.
/// What the file leaves out has the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Sessions that one visitor may create: 30.
    pub visitor_creates_per_minute: NonZeroU32,
    /// Other calls that one visitor may make: 300.
    pub visitor_calls_per_minute: NonZeroU32,
    /// Sessions that all visitors may create together: 6,000.
    pub creates_per_minute: NonZeroU32,
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
        const fn number(n: u32) -> NonZeroU32 {
            match NonZeroU32::new(n) {
                Some(number) => number,
                None => NonZeroU32::MIN,
            }
        }
        Self {
            visitor_creates_per_minute: const { number(30) },
            visitor_calls_per_minute: const { number(300) },
            creates_per_minute: const { number(6000) },
            mode: Mode::default(),
        }
    }
}
