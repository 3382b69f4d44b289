//! Parses a proof (RFC 9449, section 4.2): a compact JWS whose header holds the key that verifies it. A parsed proof is
//! well formed; `verify` checks that it matches the request.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Map, Value};

use super::{
    invalid_proof::ProofFailure,
    key::{Jwk, ProofKey, decode_array},
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

/// The header's members that are checked. A duplicate is an error (RFC 7515, section 4).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Header {
    typ: Value,
    alg: Value,
    jwk: Option<Jwk>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// The claims that are used. A duplicate is an error (RFC 7519, section 4).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Claims {
    jti: Value,
    htm: Value,
    htu: Value,
    iat: Value,
    ath: Value,
    nonce: Value,
    /// With it, serde does not accept an array in place of an object.
    #[serde(flatten)]
    _others: IgnoredAny,
}

impl<'a> Proof<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, ProofFailure> {
        // Base64url has no dot, so a fourth part makes the signature malformed.
        let (signed, signature) = text.rsplit_once('.').ok_or(ProofFailure::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(ProofFailure::Malformed)?;
        let header: Header = parse_json(header)?;
        if header.typ != "dpop+jwt" {
            return Err(ProofFailure::Type);
        }
        if header.alg != "ES256" {
            return Err(ProofFailure::Algorithm);
        }
        if header.others.contains_key("crit") {
            return Err(ProofFailure::Critical);
        }
        let key = ProofKey::parse(&header.jwk.ok_or(ProofFailure::Key)?)?;
        let claims: Claims = parse_json(payload)?;
        let text = |claim: &Value| claim.as_str().map(str::to_owned);
        let jti = text(&claims.jti).ok_or(ProofFailure::Claims)?;
        if jti.is_empty() || jti.len() > MAX_JTI {
            return Err(ProofFailure::Claims);
        }
        Ok(Self {
            key,
            jti,
            htm: text(&claims.htm).ok_or(ProofFailure::Claims)?,
            htu: text(&claims.htu).ok_or(ProofFailure::Claims)?,
            iat: claims.iat.as_f64().ok_or(ProofFailure::Claims)?,
            ath: text(&claims.ath),
            nonce: text(&claims.nonce),
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

fn parse_json<T: DeserializeOwned>(part: &str) -> Result<T, ProofFailure> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| ProofFailure::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| ProofFailure::Malformed)
}
