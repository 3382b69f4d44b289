//! `fingerprintSensitivity`: how much a browser may change before its session is rejected.

use serde::{Deserialize, Serialize};

/// Sensitivity level of an account. It is sent in plaintext inside the presented fingerprint, and the presented level
/// applies, so a changed setting takes effect at once. `policy` defines what each level allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Several ordinary changes at once are accepted.
    Low,
    /// Any single ordinary change is accepted, and several small ones at once.
    #[default]
    Medium,
    /// Any single ordinary change except travel is accepted.
    High,
}

impl Sensitivity {
    /// All levels, most tolerant first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// The name in settings, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// The letter that encodes the level in a fingerprint.
    pub(super) const fn letter(self) -> &'static str {
        match self {
            Self::Low => "l",
            Self::Medium => "m",
            Self::High => "h",
        }
    }

    /// Decodes a level from its letter.
    pub(super) fn from_letter(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.letter() == letter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_round_trip_by_letter_and_name() {
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
