//! Unique words of five scripts, and the search for them.

use std::collections::HashSet;

/// The letters of each script; the first four begin a word, the others are digits of its number.
const SCRIPTS: [&str; 5] = [
    "qxzjbcdfghklmnprstvw",
    "щэъыбвгджзклмнпрстфх",
    "ضظغءبتثجحخدذرزسشصطعف",
    "龍鳳麒麟山水火木金土日月星风云雨雪电石田",
    "🦄🐉🦖🦕😀😁😂😃😄😅😆😇😈😉😊😋😌😍😎😏",
];

/// Number of digits of a word.
const DIGITS: usize = 6;

/// The words that were written: those to erase, and those to keep.
#[derive(Default)]
pub(super) struct Words {
    pub(super) erased: HashSet<String>,
    pub(super) kept: HashSet<String>,
    number: usize,
}

impl Words {
    /// A text of about `length` bytes between two new words, each twice: one of them may be divided between two pages.
    pub(super) fn text(&mut self, length: usize, is_erased: bool) -> String {
        let [first, last] = [self.word(), self.word()];
        let text = format!("{first}{first}{}{last}{last}", " .".repeat(length / 2));
        let words = if is_erased { &mut self.erased } else { &mut self.kept };
        words.extend([first, last]);
        text
    }

    /// Forgets the words of a text that was not written.
    pub(super) fn forget(&mut self, text: &str) {
        for word in found_in(text.as_bytes()) {
            self.erased.remove(&word);
            self.kept.remove(&word);
        }
    }

    fn word(&mut self) -> String {
        let letters: Vec<char> = SCRIPTS[self.number % SCRIPTS.len()].chars().collect();
        self.number += 1;
        let digit = |place: usize| letters[4 + (self.number >> (4 * place)) % 16];
        letters[..4].iter().copied().chain((0..DIGITS).map(digit)).collect()
    }
}

/// All words in these bytes.
pub(super) fn found_in(bytes: &[u8]) -> HashSet<String> {
    let mut found = HashSet::new();
    for script in SCRIPTS {
        let letters: Vec<char> = script.chars().collect();
        let beginning: String = letters[..4].iter().collect();
        let length = beginning.len() / 4 * (4 + DIGITS);
        for window in bytes.windows(length) {
            if window.starts_with(beginning.as_bytes())
                && let Ok(word) = str::from_utf8(window)
            {
                found.insert(word.to_owned());
            }
        }
    }
    found
}
