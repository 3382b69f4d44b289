//! The key in a proof's header: a public P-256 key that is usable only for ES256 (RFC 7517; RFC 7518, section 6.2).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use shared_types::Thumbprint;

use super::invalid_proof::ProofFailure;

/// Members of private and symmetric keys (RFC 7518, section 6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A key as JWK. A duplicate of a named member is an error; of the others, the last counts (RFC 7517, section 4).
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Jwk {
    kty: Value,
    crv: Value,
    x: Value,
    y: Value,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// The uncompressed point, `4 ‖ x ‖ y`. Verification fails if it is not on the curve.
pub(super) struct ProofKey([u8; 65]);

impl ProofKey {
    pub(super) fn parse(jwk: &Jwk) -> Result<Self, ProofFailure> {
        if PRIVATE.iter().any(|name| jwk.others.contains_key(*name)) {
            return Err(ProofFailure::PrivateKey);
        }
        let may_be = |name, value| jwk.others.get(name).is_none_or(|other| other == value);
        // A key that names an algorithm is only for that one (RFC 8725, section 3.1).
        if !(jwk.kty == "EC" && jwk.crv == "P-256" && may_be("alg", "ES256") && may_be("use", "sig")) {
            return Err(ProofFailure::Key);
        }
        let coordinate =
            |member: &Value| member.as_str().and_then(decode_array::<32>).ok_or(ProofFailure::Key);
        let mut point = [4; 65];
        let coordinates = coordinate(&jwk.x)?.into_iter().chain(coordinate(&jwk.y)?);
        point.iter_mut().skip(1).zip(coordinates).for_each(|(byte, coordinate)| *byte = coordinate);
        Ok(Self(point))
    }

    /// Whether `signature` is a valid signature of `message` under this key.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.0).verify(message, signature).is_ok()
    }

    /// RFC 7638, section 3: SHA-256 of the required members in lexicographic order, without whitespace.
    pub(super) fn thumbprint(&self) -> Thumbprint {
        let [_, coordinates @ ..] = &self.0;
        let (x, y) = coordinates.split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, jwk.as_bytes()).as_ref());
        Thumbprint::from_bytes(bytes)
    }
}

/// Decodes canonical base64url of exactly `N` bytes.
pub(super) fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: &str = "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs";
    const Y: &str = "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA";

    fn parse(jwk: &str) -> Result<String, ProofFailure> {
        let jwk = jwk.replace("$x", X).replace("$y", Y);
        ProofKey::parse(&serde_json::from_str(&jwk).unwrap()).map(|key| key.thumbprint().to_string())
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_9449() {
        // The key of section 4.1 and its thumbprint in section 6.1.
        let thumbprint = Ok("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned());
        assert_eq!(parse(r#"{"kty":"EC","x":"$x","y":"$y","crv":"P-256"}"#), thumbprint);
        let exported = r#"{"crv":"P-256","ext":true,"key_ops":["verify"],"kty":"EC","x":"$x","y":"$y"}"#;
        assert_eq!(parse(exported), thumbprint, "as a browser writes it");
        let named = r#"{"crv":"P-256","alg":"ES256","use":"sig","kid":"1","kty":"EC","x":"$x","y":"$y"}"#;
        assert_eq!(parse(named), thumbprint);
    }

    #[test]
    fn other_keys_are_rejected() {
        for (jwk, reason) in [
            ("{}", ProofFailure::Key),
            (r#"{"kty":"EC","crv":"P-256","x":"$x"}"#, ProofFailure::Key),
            (r#"{"kty":"EC","crv":"P-256","y":"$y"}"#, ProofFailure::Key),
            (r#"{"kty":"EC","crv":"P-384","x":"$x","y":"$y"}"#, ProofFailure::Key),
            (r#"{"kty":"OKP","crv":"Ed25519","x":"$x"}"#, ProofFailure::Key),
            (r#"{"kty":"RSA","n":"$x","e":"AQAB"}"#, ProofFailure::Key),
            (r#"{"kty":"ec","crv":"P-256","x":"$x","y":"$y"}"#, ProofFailure::Key),
            (r#"{"kty":"EC","crv":"P-256","x":"$x=","y":"$y"}"#, ProofFailure::Key),
            (r#"{"kty":"EC","crv":"P-256","x":"$xA","y":"$y"}"#, ProofFailure::Key),
            (r#"{"kty":"EC","crv":"P-256","x":1,"y":"$y"}"#, ProofFailure::Key),
            (r#"{"kty":"EC","crv":"P-256","x":"$x","y":"$y","alg":"ES384"}"#, ProofFailure::Key),
            (r#"{"kty":"EC","crv":"P-256","x":"$x","y":"$y","alg":null}"#, ProofFailure::Key),
            (r#"{"kty":"EC","crv":"P-256","x":"$x","y":"$y","use":"enc"}"#, ProofFailure::Key),
            (r#"{"kty":"EC","crv":"P-256","x":"$x","y":"$y","d":"$x"}"#, ProofFailure::PrivateKey),
            (r#"{"kty":"EC","crv":"P-256","x":"$x","y":"$y","d":null}"#, ProofFailure::PrivateKey),
            (r#"{"kty":"oct","k":"$x"}"#, ProofFailure::PrivateKey),
        ] {
            assert_eq!(parse(jwk), Err(reason), "{jwk}");
        }
    }
}
