//! `fingerprint_mode`: what becomes of a request whose fingerprint is refused.

use serde::{Deserialize, Serialize};

/// An account's choice. Like the sensitivity it travels in the clear inside the presented fingerprint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is refused.
    #[default]
    Enforce,
    /// It is served, and the refusal is logged and counted: what enforcing would cost, before it is switched on. The
    /// session stays bound to the browser that it was bound to, so it is refused once the mode is `enforce`.
    Shadow,
}

impl Mode {
    /// Both modes.
    pub const ALL: [Self; 2] = [Self::Enforce, Self::Shadow];

    /// The letter that stands for the mode in a fingerprint.
    pub(super) const fn letter(self) -> &'static str {
        match self {
            Self::Enforce => "e",
            Self::Shadow => "s",
        }
    }

    /// The mode that a letter stands for.
    pub(super) fn from_letter(letter: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.letter() == letter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_has_its_letter_and_its_name() {
        for (mode, letter, name) in [(Mode::Enforce, "e", "enforce"), (Mode::Shadow, "s", "shadow")] {
            assert_eq!((mode.letter(), Mode::from_letter(letter)), (letter, Some(mode)));
            assert_eq!(serde_json::to_value(mode).unwrap(), name);
        }
        assert_eq!((Mode::from_letter(""), Mode::from_letter("E")), (None, None));
        assert_eq!(Mode::default(), Mode::Enforce);
    }
}
