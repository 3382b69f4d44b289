//! A proof as it arrives (RFC 9449, section 4.2): a JWS compact whose header brings the key that it is checked with.
//! What is parsed here is well formed; whether it is true, `dpop` checks.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    Reason,
    json::Object,
    key::{ProofKey, decode_array},
};

/// The longest `jti`. RFC 9449 asks for 96 random bits, or a UUID.
const MAX_JTI: usize = 256;

/// A proof that says what it should, signed or not.
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
    pub(super) fn parse(text: &'a str) -> Result<Self, Reason> {
        // Neither part can have a dot in it, so a fourth part refuses the signature.
        let (signed, signature) = text.rsplit_once('.').ok_or(Reason::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Reason::Malformed)?;
        let header = object(header)?;
        if header.text("typ") != Some("dpop+jwt") {
            return Err(Reason::Type);
        }
        if header.text("alg") != Some("ES256") {
            return Err(Reason::Algorithm);
        }
        if header.find("crit").is_some() {
            return Err(Reason::Critical);
        }
        let key = ProofKey::parse(header.object("jwk").ok_or(Reason::Key)?)?;
        let payload = object(payload)?;
        let text = |name| payload.text(name).map(str::to_owned).ok_or(Reason::Claims);
        let jti = text("jti")?;
        if jti.is_empty() || jti.len() > MAX_JTI {
            return Err(Reason::Claims);
        }
        Ok(Self {
            key,
            jti,
            htm: text("htm")?,
            htu: text("htu")?,
            iat: payload.number("iat").ok_or(Reason::Claims)?,
            ath: payload.text("ath").map(str::to_owned),
            nonce: payload.text("nonce").map(str::to_owned),
            signed,
            signature: decode_array(signature).ok_or(Reason::Malformed)?,
        })
    }

    pub(super) fn is_signed(&self) -> bool {
        self.key.has_signed(self.signed.as_bytes(), &self.signature)
    }
}

fn object(part: &str) -> Result<Object, Reason> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Reason::Malformed)?;
    Object::parse(&bytes).ok_or(Reason::Malformed)
}
