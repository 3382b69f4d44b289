//! Base64url as JOSE writes it (RFC 7515, section 2), in its one spelling: no padding, no characters of other alphabets,
//! no bits behind the last byte. A token that differs in one character is then another token.

use base64_simd::{Out, URL_SAFE_NO_PAD};

/// Appends `bytes` to `out`.
pub(crate) fn encode(bytes: impl AsRef<[u8]>, out: &mut String) {
    URL_SAFE_NO_PAD.encode_append(bytes, out);
}

/// The number of characters that `bytes` bytes are written in.
pub(crate) const fn encoded_len(bytes: usize) -> usize {
    bytes.saturating_mul(4).div_ceil(3)
}

/// Appends the bytes that `text` stands for to `out`, and returns how many they are.
pub(crate) fn decode(text: &str, out: &mut Vec<u8>) -> Option<usize> {
    let before = out.len();
    URL_SAFE_NO_PAD.decode_append(text, out).ok()?;
    out.len().checked_sub(before)
}

/// The bytes that `text` stands for, if they are exactly `N`.
pub(crate) fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    // Looked at first, so that longer texts are not even read.
    if text.len() != encoded_len(N) {
        return None;
    }
    let decoded = URL_SAFE_NO_PAD.decode(text.as_bytes(), Out::from_slice(&mut bytes)).ok()?.len();
    (decoded == N).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_one_spelling_is_read() {
        assert_eq!(decode_array::<1>("_w"), Some([0xff]));
        assert_eq!(decode("_w", &mut vec![]), Some(1));
        for other in ["_x", "/w", "_w==", "_w=", " _w", "_", "", "_w\n"] {
            assert_eq!(decode_array::<1>(other), None, "{other}");
            assert_eq!(decode(other, &mut vec![]).filter(|len| *len > 0), None, "{other}");
        }
        assert_eq!(decode_array::<2>("_w"), None);
        assert_eq!(decode_array::<1>("____"), None);
    }

    proptest! {
        /// A spelling that another library refuses, such as bits behind the last byte, must not be read.
        #[test]
        fn what_is_read_is_what_another_library_reads(text in "[A-Za-z0-9_-]{0,99}", other in "[ =+/.\n\u{e9}]{0,1}") {
            for text in [format!("{text}{other}"), format!("{other}{text}"), text] {
                let read = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&text).ok();
                let mut bytes = vec![1];
                let len = decode(&text, &mut bytes);
                prop_assert_eq!(len, read.as_ref().map(Vec::len), "{}", text);
                prop_assert_eq!(len.map(|_| bytes.split_off(1)), read.clone());
                if let Some(read) = read {
                    let mut again = String::from("x");
                    encode(&read, &mut again);
                    prop_assert_eq!(again, format!("x{text}"));
                }
            }
        }
    }

    #[test]
    fn the_length_is_foretold() {
        for len in 0..40 {
            let mut text = String::new();
            encode(vec![7; len], &mut text);
            assert_eq!(text.len(), encoded_len(len));
        }
    }
}
