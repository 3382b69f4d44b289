//! `fingerprintSensitivity`: how much of a browser may change before its session is refused.

use serde::{Deserialize, Serialize};

/// An account's choice. It travels in the clear inside the presented fingerprint and is judged by what is presented,
/// so a change of mind takes effect at once. What each level allows stands in `policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Several ordinary changes at once are accepted.
    Low,
    /// Any ordinary change is accepted, and small ones together.
    #[default]
    Medium,
    /// Any ordinary change but travel is accepted, on its own.
    High,
}

impl Sensitivity {
    /// All levels, the most tolerant first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// The name in settings, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The letter that stands for the level in a fingerprint.
    pub(super) const fn letter(self) -> &'static str {
        match self {
            Self::Low => "l",
            Self::Medium => "m",
            Self::High => "h",
        }
    }

    /// The level that a letter stands for.
    pub(super) fn from_letter(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.letter() == letter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_its_letter_and_its_name() {
        for (level, letter, name) in [
            (Sensitivity::Low, "l", "low"),
            (Sensitivity::Medium, "m", "medium"),
            (Sensitivity::High, "h", "high"),
        ] {
            assert_eq!(level.letter(), letter);
            assert_eq!(Sensitivity::from_letter(letter), Some(level));
            assert_eq!((serde_json::to_value(level).unwrap(), level.name()), (name.into(), name));
        }
        for letter in ["", "L", "lm", "x"] {
            assert_eq!(Sensitivity::from_letter(letter), None);
        }
    }
}
