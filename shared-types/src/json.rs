//! JSON serialisation, and deserialisation of bodies from other services, with SIMD (`sonic_rs`): a token passes through
//! three services, and each parses and writes it.
//!
//! Untrusted JSON is parsed by serde_json: its errors have a line and a column, and it bounds the depth.

use serde::{Serialize, de::DeserializeOwned};
pub use sonic_rs::Error;

/// Initial capacity in bytes, enough for most bodies: a token has some 1,300.
const USUAL: usize = 2048;

/// Serialises `value`.
///
/// # Errors
///
/// If the value has no JSON form, such as a map with keys that are not strings.
pub fn to_vec<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    let mut json = Vec::with_capacity(USUAL);
    sonic_rs::to_writer(&mut json, value)?;
    Ok(json)
}

/// Deserialises the body of a request or response of another service.
///
/// # Errors
///
/// If it is not JSON in UTF-8, or not a `T`.
pub fn from_service<T: DeserializeOwned>(json: &[u8]) -> Result<T, Error> {
    sonic_rs::from_slice(json)
}

/// Length of an escape of four hexadecimal digits, such as `\u00e9`.
const ESCAPE: usize = 6;

/// Replaces escapes of lone surrogates, such as `"\ud83d"`, by that of U+FFFD; `None` if there are none. A page that cuts
/// an emoji in half sends one (RFC 8259, section 8.2), and no parser for UTF-8 accepts it.
#[must_use]
pub fn replace_lone_surrogates(json: &[u8]) -> Option<Vec<u8>> {
    let (mut replaced, mut at) = (None, 0);
    while let Some(rest) = json.get(at..).filter(|rest| !rest.is_empty()) {
        let next = rest.get(ESCAPE..).and_then(surrogate);
        at += match (surrogate(rest), next) {
            (Some(Surrogate::High), Some(Surrogate::Low)) => 2 * ESCAPE,
            (Some(_), _) => {
                let replaced = replaced.get_or_insert_with(|| json.to_vec());
                if let Some(escape) = replaced.get_mut(at..at + ESCAPE) {
                    escape.copy_from_slice(br"\ufffd");
                }
                ESCAPE
            }
            // Any other escape; a second backslash begins none.
            (None, _) if rest.first() == Some(&b'\\') => 2,
            (None, _) => 1,
        };
    }
    replaced
}

enum Surrogate {
    High,
    Low,
}

/// The surrogate whose escape the text begins with, if it does.
fn surrogate(text: &[u8]) -> Option<Surrogate> {
    let digits = text.strip_prefix(br"\u")?.get(..4)?;
    let unit = u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    match unit {
        0xd800..=0xdbff => Some(Surrogate::High),
        0xdc00..=0xdfff => Some(Surrogate::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    proptest! {
        #[test]
        fn output_equals_that_of_serde_json(text in "\\PC{0,40}[\"\\\\/\n\r\t\u{0}\u{1f}\u{7f}a-z]{0,9}", number: u64, signed: i64) {
            let value = json!({ &text: [&text, number, signed, true, null], "": {} });
            prop_assert_eq!(String::from_utf8(to_vec(&value).unwrap()).unwrap(), value.to_string());
            prop_assert_eq!(from_service::<Value>(value.to_string().as_bytes()).unwrap(), value);
        }

        /// Any text of JavaScript, with halves of emoji, is read as JavaScript's own `toWellFormed` has it.
        #[test]
        fn lone_surrogates_become_replacement_characters(
            units in prop::collection::vec(prop_oneof![any::<u16>(), 0xd800..0xe000u16, Just(b'\\'.into()), Just(b'u'.into())], 0..12),
        ) {
            let escaped: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let json = format!(r#"{{"\\\\ud83d":"{escaped}"}}"#);
            let replaced = replace_lone_surrogates(json.as_bytes());
            let expected = String::from_utf16_lossy(&units);
            prop_assert_eq!(replaced.is_some(), String::from_utf16(&units).is_err());
            let read: Value = serde_json::from_slice(replaced.as_deref().unwrap_or(json.as_bytes())).unwrap();
            prop_assert_eq!(read.get(r"\\ud83d").unwrap(), &expected);
        }

        #[test]
        fn replacing_lone_surrogates_never_fails(json in prop::collection::vec(any::<u8>(), 0..40)) {
            let replaced = replace_lone_surrogates(&json);
            prop_assert!(replaced.is_none_or(|replaced| replaced.len() == json.len()));
        }

        #[test]
        fn input_that_serde_json_rejects_is_rejected(place in 0..48usize, other: u8) {
            let mut bytes = r#"{"a":["x\n\u00e9","é",-1.5e3,0,{"b":null}],"c":true}"#.to_owned().into_bytes();
            if let Some(byte) = bytes.get_mut(place) {
                *byte = other;
            }
            let expected = serde_json::from_slice::<Value>(&bytes).ok();
            prop_assert_eq!(from_service::<Value>(&bytes).ok(), expected, "{}", bytes.escape_ascii());
        }
    }
}
