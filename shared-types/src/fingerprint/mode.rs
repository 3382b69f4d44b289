//! `fingerprint_mode`: whether a request with a rejected fingerprint is rejected or only logged.

use serde::{Deserialize, Serialize};

/// Enforcement mode of an account. Like the sensitivity, it is sent in plaintext inside the presented fingerprint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The request is rejected.
    #[default]
    Enforce,
    /// Dry run: the request is served, and the rejection is logged and counted, to measure the effect of `enforce`
    /// before switching it on. The session stays bound to its original browser, so it is rejected once the mode is
    /// `enforce`.
    Shadow,
}

impl Mode {
    /// Both modes.
    pub const ALL: [Self; 2] = [Self::Enforce, Self::Shadow];

    /// The letter that encodes the mode in a fingerprint: a capital if the widget's signals are optional.
    pub(super) const fn letter(self, widget_is_optional: bool) -> &'static str {
        match (self, widget_is_optional) {
            (Self::Enforce, false) => "e",
            (Self::Enforce, true) => "E",
            (Self::Shadow, false) => "s",
            (Self::Shadow, true) => "S",
        }
    }

    /// Decodes a mode from its letter, and whether the widget's signals are optional.
    pub(super) fn from_letter(letter: &str) -> Option<(Self, bool)> {
        let encodings = [false, true].into_iter().flat_map(|optional| Self::ALL.map(|mode| (mode, optional)));
        encodings.into_iter().find(|(mode, optional)| mode.letter(*optional) == letter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_round_trip_and_enforce_is_the_default() {
        for (mode, letter, name) in [(Mode::Enforce, "e", "enforce"), (Mode::Shadow, "s", "shadow")] {
            assert_eq!((mode.letter(false), Mode::from_letter(letter)), (letter, Some((mode, false))));
            let capital = letter.to_ascii_uppercase();
            assert_eq!((mode.letter(true), Mode::from_letter(&capital)), (&*capital, Some((mode, true))));
            assert_eq!(serde_json::to_value(mode).unwrap(), name);
        }
        assert_eq!((Mode::from_letter(""), Mode::from_letter("ee")), (None, None));
        assert_eq!(Mode::default(), Mode::Enforce);
    }
}
