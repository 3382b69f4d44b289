//! Parses a proof (RFC 9449, section 4.2): a compact JWS whose header holds the key that verifies it. A parsed proof is
//! well formed; `verify` checks that it matches the request.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    invalid_proof::ProofFailure,
    json::Object,
    key::{ProofKey, decode_array},
};

/// How far `iat` may be from this service's time, either way: network latency and the error of a browser's clock.
pub const MAX_SKEW: TimeDelta = TimeDelta::seconds(60);

/// Maximum length of a proof, in bytes. A browser's has about 500.
pub const MAX_LEN: usize = 4096;

/// Maximum length of `jti`. RFC 9449 recommends 96 random bits, or a UUID.
const MAX_JTI: usize = 256;

/// A well-formed proof. Its signature is not verified yet.
pub(super) struct Proof<'a> {
    pub(super) key: ProofKey,
    pub(super) jti: String,
    pub(super) htm: String,
    pub(super) htu: String,
    pub(super) iat: f64,
    pub(super) ath: Option<String>,
    pub(super) nonce: Option<String>,
    signed: &'a str,
    signature: [u8; 64],
}

impl<'a> Proof<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, ProofFailure> {
        // Base64url has no dot, so a fourth part makes the signature malformed.
        let (signed, signature) = text.rsplit_once('.').ok_or(ProofFailure::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(ProofFailure::Malformed)?;
        let header = object(header)?;
        if header.text("typ") != Some("dpop+jwt") {
            return Err(ProofFailure::Type);
        }
        if header.text("alg") != Some("ES256") {
            return Err(ProofFailure::Algorithm);
        }
        if header.find("crit").is_some() {
            return Err(ProofFailure::Critical);
        }
        let key = ProofKey::parse(header.object("jwk").ok_or(ProofFailure::Key)?)?;
        let payload = object(payload)?;
        let text = |name| payload.text(name).map(str::to_owned).ok_or(ProofFailure::Claims);
        let jti = text("jti")?;
        if jti.is_empty() || jti.len() > MAX_JTI {
            return Err(ProofFailure::Claims);
        }
        Ok(Self {
            key,
            jti,
            htm: text("htm")?,
            htu: text("htu")?,
            iat: payload.number("iat").ok_or(ProofFailure::Claims)?,
            ath: payload.text("ath").map(str::to_owned),
            nonce: payload.text("nonce").map(str::to_owned),
            signed,
            signature: decode_array(signature).ok_or(ProofFailure::Malformed)?,
        })
    }

    /// Whether `iat`, in seconds since 1970, is within [`MAX_SKEW`]. It may have a fraction (RFC 7519, section 2).
    pub(super) fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        let now = now.timestamp_millis() as f64 / 1000.0;
        (now - self.iat).abs() <= MAX_SKEW.num_seconds() as f64
    }

    pub(super) fn has_valid_signature(&self) -> bool {
        self.key.verifies(self.signed.as_bytes(), &self.signature)
    }
}

fn object(part: &str) -> Result<Object, ProofFailure> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| ProofFailure::Malformed)?;
    Object::parse(&bytes).ok_or(ProofFailure::Malformed)
}
