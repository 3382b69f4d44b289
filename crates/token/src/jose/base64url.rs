//! Base64url as in JOSE (RFC 7515, section 2), canonical only: no padding, no characters of other alphabets, no non-zero
//! trailing bits. So two different texts are never the same token.

use base64_simd::{Out, URL_SAFE_NO_PAD};

/// Appends `bytes` to `out`.
pub(crate) fn encode(bytes: impl AsRef<[u8]>, out: &mut String) {
    URL_SAFE_NO_PAD.encode_append(bytes, out);
}

/// The encoded length of `bytes` bytes.
pub(crate) const fn encoded_len(bytes: usize) -> usize {
    bytes.saturating_mul(4).div_ceil(3)
}

/// Decodes `text`, appends the bytes to `out`, and returns their number.
pub(crate) fn decode(text: &str, out: &mut Vec<u8>) -> Option<usize> {
    let before = out.len();
    URL_SAFE_NO_PAD.decode_append(text, out).ok()?;
    out.len().checked_sub(before)
}

/// Decodes `text`, if it is exactly `N` bytes.
pub(crate) fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    // Checked first, so that longer texts are not decoded.
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
    fn only_the_canonical_encoding_is_decoded() {
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
        /// An encoding that another library rejects, such as non-zero trailing bits, must be rejected here too.
        #[test]
        fn decodes_the_same_as_another_library(text in "[A-Za-z0-9_-]{0,99}", other in "[ =+/.\n\u{e9}]{0,1}") {
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
    fn encoded_len_is_the_encoded_length() {
        for len in 0..40 {
            let mut text = String::new();
            encode(vec![7; len], &mut text);
            assert_eq!(text.len(), encoded_len(len));
        }
    }
}
