//! A service of the customer that verifies assertions, with the checks of the contract, section 13, and no code of ours.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::Value;
use service_runtime::Clock;

/// What the service expects.
pub(crate) struct Verifier {
    /// The published JWK Set.
    pub(crate) keys: Value,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) account_sid: String,
    pub(crate) clock: Clock,
}

impl Verifier {
    /// The claims of an assertion; `None` if any check fails.
    pub(crate) fn claims(&self, jws: &str) -> Option<Value> {
        let [header, payload, signature] = jws.split('.').collect::<Vec<_>>().try_into().ok()?;
        let signed = jws.get(..header.len() + 1 + payload.len())?;
        let json = |part| serde_json::from_slice::<Value>(&decoded(part)?).ok();
        let (header, claims) = (json(header)?, json(payload)?);
        if header["typ"] != "guest-assertion+jwt" || header["alg"] != "ES256" {
            return None;
        }
        let key = self.keys["keys"].as_array()?.iter().find(|key| key["kid"] == header["kid"])?;
        let coordinate = |name: &str| decoded(key[name].as_str()?);
        let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        key.verify(signed.as_bytes(), &decoded(signature)?).ok()?;
        let is_for_us = claims["iss"] == self.issuer.as_str()
            && claims["aud"] == self.audience.as_str()
            && claims["account_sid"] == self.account_sid.as_str();
        let now = self.clock.now().timestamp();
        let is_current = claims["iat"].as_i64()? <= now && now < claims["exp"].as_i64()?;
        (is_for_us && is_current).then_some(claims)
    }
}

fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}
