//! Long texts that hardly ever need escaping, in JSON.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Writes `text` as a string. To look for what must be escaped character by character, as it is done by default, costs more
/// than everything else of a token's way through a service; here many are looked at at once.
pub(crate) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    // Without a way out of the loop, many bytes are looked at in one step.
    if text.bytes().fold(false, |any, byte| any | special(byte)) {
        return serializer.serialize_str(text);
    }
    let quoted = ["\"", text, "\""].concat();
    match serde_json::from_str::<&RawValue>(&quoted) {
        Ok(raw) => raw.serialize(serializer),
        Err(_) => serializer.serialize_str(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    struct Text(String);

    impl serde::Serialize for Text {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            super::serialize(&self.0, serializer)
        }
    }

    proptest! {
        #[test]
        fn a_text_is_written_as_any_string_is(text in "\\PC{0,40}[\"\\\\\n\u{0}\u{7f}a-z]{0,3}") {
            let expected = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(serde_json::to_string(&Text(text.clone())).unwrap(), expected);
            prop_assert_eq!(serde_json::to_value(Text(text.clone())).unwrap(), json!(text));
        }
    }
}
