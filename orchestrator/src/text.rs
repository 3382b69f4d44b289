//! Rules for texts that guests and desks write.

use serde::de::DeserializeOwned;
use shared_types::{json::replace_lone_surrogates, orchestrator::send_message::MAX_BODY};

/// What [`is_message`] expects.
pub(crate) const EXPECTED_MESSAGE: &str = "expected plain text of 1 to 32768 bytes";

/// The text with line feeds for the line breaks of office programs (vertical tab, form feed, U+0085, U+2028 and U+2029), and
/// without the characters that reorder the text around them (UAX #9: embeddings, overrides and isolates), so that no one
/// who reads it is shown something else.
pub(crate) fn cleaned(text: String) -> String {
    if !text.contains(breaks_line) && !text.contains(reorders) {
        return text;
    }
    without_reordering(&text).replace(breaks_line, "\n")
}

/// The text without the characters that reorder the text around them.
pub(crate) fn without_reordering(text: &str) -> String {
    text.replace(reorders, "")
}

/// Whether a text can be a message: not empty, not too long, and no control characters besides line breaks and tabs.
pub(crate) fn is_message(text: &str) -> bool {
    let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    !text.is_empty() && text.len() <= MAX_BODY && text.chars().all(plain)
}

/// Whether a name has control characters, or characters that reorder the text around it.
pub(crate) fn has_controls(name: &str) -> bool {
    name.contains(|c: char| c.is_control() || reorders(c))
}

/// Deserializes JSON that is the text of a field. Half an emoji is a replacement character, as in a body.
pub(crate) fn json<T: DeserializeOwned>(text: &str) -> Option<T> {
    let replaced = replace_lone_surrogates(text.as_bytes());
    serde_json::from_slice(replaced.as_deref().unwrap_or(text.as_bytes())).ok()
}

fn breaks_line(c: char) -> bool {
    matches!(c, '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn reorders(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_of_office_programs_are_line_feeds_and_nothing_reorders() {
        for (written, read) in [
            ("a\u{b}b\u{c}c\u{85}d\u{2028}e\u{2029}f", "a\nb\nc\nd\ne\nf"),
            ("pay \u{202e}001\u{202c} to \u{2066}x\u{2069}", "pay 001 to x"),
            // Marks that do not outlive their character, and right-to-left text itself.
            (
                "a\r\n\tb \u{200f}\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
                "a\r\n\tb \u{200f}\u{5e9}\u{5dc}\u{5d5}\u{5dd}",
            ),
            ("\u{202a}", ""),
        ] {
            assert_eq!(cleaned(written.to_owned()), read);
            assert_eq!(is_message(read), !read.is_empty());
        }
        assert!(!is_message("a\0"), "other control characters stay refused");
    }
}
