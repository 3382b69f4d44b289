//! Numbers and durations, with their bounds in the type.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Expected;

/// An integer from `LEAST` to `MOST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("expected" = Self::expected()))]
pub struct Number<const LEAST: u64, const MOST: u64>(u64);

impl<const LEAST: u64, const MOST: u64> Number<LEAST, MOST> {
    /// A default; one out of bounds does not compile.
    pub const fn of<const NUMBER: u64>() -> Self {
        const { assert!(LEAST <= NUMBER && NUMBER <= MOST) };
        Self(NUMBER)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    fn expected() -> String {
        format!("a whole number from {LEAST} to {MOST}")
    }
}

impl<const LEAST: u64, const MOST: u64> TryFrom<String> for Number<LEAST, MOST> {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        let number = text.parse().ok().filter(|number| (LEAST..=MOST).contains(number));
        number.map(Self).ok_or_else(|| Expected(Self::expected().into()))
    }
}

impl<const LEAST: u64, const MOST: u64> From<Number<LEAST, MOST>> for String {
    fn from(number: Number<LEAST, MOST>) -> Self {
        number.0.to_string()
    }
}

/// A duration from `LEAST` to `MOST` units of `UNIT` milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Period<const UNIT: u64, const LEAST: u64, const MOST: u64>(Number<LEAST, MOST>);

/// A duration in milliseconds, from 1 to `MOST`.
pub type Milliseconds<const MOST: u64> = Period<1, 1, MOST>;
/// A duration in seconds.
pub type Seconds<const LEAST: u64, const MOST: u64> = Period<1000, LEAST, MOST>;
/// A duration in days, from 1 to `MOST`.
pub type Days<const MOST: u64> = Period<{ 24 * 3600 * 1000 }, 1, MOST>;

impl<const UNIT: u64, const LEAST: u64, const MOST: u64> Period<UNIT, LEAST, MOST> {
    /// A default, in units; one out of bounds does not compile.
    pub const fn of<const UNITS: u64>() -> Self {
        Self(Number::of::<UNITS>())
    }

    /// The duration.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0.get().saturating_mul(UNIT))
    }
}

/// A fraction from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("expected" = Self::EXPECTED))]
pub struct Share(pub f64);

impl Share {
    const EXPECTED: &str = "a number from 0 to 1";
}

impl TryFrom<String> for Share {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
        share.map(Self).ok_or_else(|| Self::EXPECTED.into())
    }
}

impl From<Share> for String {
    fn from(share: Share) -> Self {
        share.0.to_string()
    }
}
