//! The example in Rust of `docs/in-front-of-your-chat.md`.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::Value;

/// What an assertion must say.
pub(crate) struct Expected<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    pub account_sid: &'a str,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// The claims of an assertion, by the published keys. Accept its `jti` once, and remember it until `exp`.
pub(crate) fn verify(assertion: &str, keys: &Value, expected: &Expected<'_>) -> Option<Value> {
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
    if header["typ"] != "guest-assertion+jwt" || header["alg"] != "ES256" {
        return None;
    }
    let key = keys["keys"].as_array()?.iter().find(|key| key["kid"] == header["kid"])?;
    let point = [vec![4], decode(key["x"].as_str()?)?, decode(key["y"].as_str()?)?].concat();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(signed.as_bytes(), &decode(signature)?).ok()?;
    let claims: Value = serde_json::from_slice(&decode(payload)?).ok()?;
    let is_for_us = claims["iss"] == expected.issuer
        && claims["aud"] == expected.audience
        && claims["account_sid"] == expected.account_sid
        && claims["exp"].as_i64()? > expected.now;
    is_for_us.then_some(claims)
}
