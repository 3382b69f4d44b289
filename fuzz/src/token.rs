//! The opener of session tokens: whatever text is presented, only the tokens that were made open.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use shared_types::SealedToken;
use token::{key_file::KeyFile, key_ring::KeyRing};

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let keys = include_bytes!("../../scoped-auth/tests/vectors/keys.json");
    KeyRing::new(KeyFile::parse(keys).expect("a key file"), &SystemRandom::new()).expect("keys")
});

/// The text of the committed tokens, which are the only genuine ones of these keys.
const GENUINE: &str = include_str!("../../scoped-auth/tests/vectors/good.json");

/// Reads `data` as a token, or, after a line feed at its beginning, as a header in JSON and the rest of a token.
///
/// # Panics
/// If a token opens that was not made: that is the fuzzer's goal.
pub fn opens(data: &[u8]) {
    let text = match data.strip_prefix(b"\n") {
        None => String::from_utf8_lossy(data).into_owned(),
        Some(parts) => {
            let end = parts.iter().position(|byte| *byte == b'\n').unwrap_or(parts.len());
            let (header, rest) = parts.split_at(end);
            URL_SAFE_NO_PAD.encode(header) + &String::from_utf8_lossy(rest).replace('\n', "")
        }
    };
    let Some(sealed) = SealedToken::new(text) else { return };
    let _ = sealed.claimed_deployment();
    if RING.open(&sealed).is_ok() {
        assert!(GENUINE.contains(&format!("\"{}\"", sealed.as_str())), "a token that nobody made");
    }
}
