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
