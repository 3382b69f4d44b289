//! Rules for texts that guests and desks write.

use shared_types::orchestrator::send_message::MAX_BODY;

/// What [`is_message`] expects.
pub(crate) const EXPECTED_MESSAGE: &str = "expected plain text of 1 to 32768 bytes";

/// Whether a text can be a message: not empty, not too long, and no control characters besides line breaks and tabs.
pub(crate) fn is_message(text: &str) -> bool {
    let plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    !text.is_empty() && text.len() <= MAX_BODY && text.chars().all(plain)
}

/// Whether a name has control characters, or characters that reorder the text around it (UAX #9: embeddings, overrides and
/// isolates).
pub(crate) fn has_controls(name: &str) -> bool {
    let reorders = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    name.chars().any(|c| c.is_control() || reorders(c))
}
