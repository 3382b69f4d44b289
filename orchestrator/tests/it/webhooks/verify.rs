//! The example in Rust of `docs/webhooks.md`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;

/// Whether a webhook is signed with the secret, by its headers `webhook-id`, `webhook-timestamp` and `webhook-signature`.
pub(crate) fn is_authentic(
    secret: &str,
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    now: i64,
) -> bool {
    let secret = secret.strip_prefix("whsec_").and_then(|secret| STANDARD.decode(secret).ok());
    let (Some(secret), Ok(sent)) = (secret, timestamp.parse::<i64>()) else { return false };
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
    let is_valid = |signature: &str| {
        let tag = signature.strip_prefix("v1,").and_then(|tag| STANDARD.decode(tag).ok());
        // In constant time.
        tag.is_some_and(|tag| hmac::verify(&key, &signed, &tag).is_ok())
    };
    now.abs_diff(sent) <= 300 && signatures.split(' ').any(is_valid)
}
