//! Hexadecimal encoding of the identifiers. The standard library takes ten times as long to format and parse 128 bits, and
//! a token creation writes and reads some twenty identifiers.

/// Writes the 32 digits of `bits`, in lower case; truncates them to the length of `digits`.
pub(crate) fn write(bits: u128, digits: &mut [u8]) {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' - 10 + value };
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bits.to_be_bytes()) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
}

/// Parses exactly 32 digits of either case; `None` for any other text.
pub(crate) fn read(digits: &str) -> Option<u128> {
    let digits: &[u8; 32] = digits.as_bytes().try_into().ok()?;
    let (mut bytes, mut malformed) = ([0; 16], false);
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks().0) {
        let [high, low] = pair.map(value);
        malformed |= high > 0xf || low > 0xf;
        *byte = high << 4 | low & 0xf;
    }
    (!malformed).then_some(u128::from_be_bytes(bytes))
}

/// The value of a digit; more than 15 for any other byte.
const fn value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => u8::MAX,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn digits_equal_those_of_the_standard_library(bits: u128) {
            let mut digits = [0; 32];
            write(bits, &mut digits);
            let text = format!("{bits:032x}");
            prop_assert_eq!(str::from_utf8(&digits).unwrap(), &text);
            prop_assert_eq!((read(&text), read(&text.to_uppercase())), (Some(bits), Some(bits)));
        }

        #[test]
        fn other_characters_are_rejected(place in 0..32usize, other in "[^0-9a-fA-F]") {
            let mut text = "0".repeat(32);
            text.replace_range(place..=place, &other);
            prop_assert_eq!(read(&text), None);
        }
    }

    #[test]
    fn other_lengths_are_rejected() {
        for len in [0, 1, 31, 33, 64] {
            assert_eq!(read(&"0".repeat(len)), None);
        }
    }
}
