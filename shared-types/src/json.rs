//! JSON as the services write it, and as they read what another service has written. Strings are looked at many bytes at
//! once: a token passes through three services, and is written and read in each.
//!
//! What a stranger has written is read by serde_json, whose errors name the place and whose depth is bounded.

use serde::{Serialize, de::DeserializeOwned};
pub use sonic_rs::Error;

/// What most bodies have room in, in bytes: a token has some 1,300.
const USUAL: usize = 2048;

/// `value` as JSON.
///
/// # Errors
///
/// If the value cannot be written, such as a map whose keys are no strings.
pub fn to_vec<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    let mut json = Vec::with_capacity(USUAL);
    sonic_rs::to_writer(&mut json, value)?;
    Ok(json)
}

/// The value that another service has written as `json`.
///
/// # Errors
///
/// If it is not JSON in UTF-8, or not of this form.
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
        fn it_is_written_as_serde_json_writes_it(text in "\\PC{0,40}[\"\\\\/\n\r\t\u{0}\u{1f}\u{7f}a-z]{0,9}", number: u64, signed: i64) {
            let value = json!({ &text: [&text, number, signed, true, null], "": {} });
            prop_assert_eq!(String::from_utf8(to_vec(&value).unwrap()).unwrap(), value.to_string());
            prop_assert_eq!(from_service::<Value>(value.to_string().as_bytes()).unwrap(), value);
        }

        #[test]
        fn what_serde_json_does_not_read_is_not_read(place in 0..48usize, other: u8) {
            let mut bytes = r#"{"a":["x\n\u00e9","é",-1.5e3,0,{"b":null}],"c":true}"#.to_owned().into_bytes();
            if let Some(byte) = bytes.get_mut(place) {
                *byte = other;
            }
            let expected = serde_json::from_slice::<Value>(&bytes).ok();
            prop_assert_eq!(from_service::<Value>(&bytes).ok(), expected, "{}", bytes.escape_ascii());
        }
    }
}
