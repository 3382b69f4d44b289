//! One key of the file as it is written: a JWK (RFC 7517, section 4; RFC 7518, sections 6.2 and 6.4), read and made.

use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use zeroize::{Zeroize as _, Zeroizing};

use super::{EncryptionKey, KeyFileError, SigningKey, Status};
use crate::{
    crypto::{P256, Secret},
    jose::{base64url, kid::is_name},
};

/// A JWK. Its texts are borrowed from the file, so that reading leaves no copies of keys.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Jwk<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    kty: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#use: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Vec<Jwk<'a>>,
}

pub(super) enum Key {
    Encryption(EncryptionKey),
    Signing(SigningKey),
}

impl Key {
    pub(super) fn kid(&self) -> &str {
        match self {
            Key::Encryption(key) => &key.kid,
            Key::Signing(key) => &key.kid,
        }
    }
}

pub(super) fn parse_set(json: &[u8]) -> Result<Vec<Jwk<'_>>, KeyFileError> {
    let set: Result<Set<'_>, _> = serde_json::from_slice(json);
    // What serde_json itself says may quote the file.
    set.map(|set| set.keys).map_err(|error| KeyFileError::Json {
        line: error.line(),
        column: error.column(),
        problem: match error.classify() {
            Category::Syntax | Category::Eof | Category::Io => "not JSON",
            Category::Data => "expected a JWK Set, whose keys have each member once and as plain text",
        },
    })
}

impl<'a> Jwk<'a> {
    pub(super) fn parse(&self, position: usize) -> Result<Key, &'static str> {
        let kid = self
            .kid
            .filter(|kid| is_name(kid))
            .ok_or("its `kid` is not 1 to 32 letters, digits, `_` and `-`")?;
        let status = match self.status {
            Some("next") => Status::Next,
            Some("active") => Status::Active,
            Some("retired") => Status::Retired,
            _ => return Err("its `status` is none of `next`, `active` and `retired`"),
        };
        match self.kty {
            Some("oct") => {
                require(self.r#use == Some("enc"), "its `use` is not `enc`")?;
                require(self.alg == Some("dir"), "its `alg` is not `dir`")?;
                let secret = bytes(self.k, "its `k` is not 32 bytes of base64url")?;
                Ok(Key::Encryption(EncryptionKey { kid: kid.to_owned(), status, secret }))
            }
            Some("EC") => {
                require(self.r#use == Some("sig"), "its `use` is not `sig`")?;
                require(self.alg == Some("ES256"), "its `alg` is not `ES256`")?;
                require(self.crv == Some("P-256"), "its `crv` is not `P-256`")?;
                let pair = P256 {
                    x: *bytes(self.x, "its `x` is not 32 bytes of base64url")?,
                    y: *bytes(self.y, "its `y` is not 32 bytes of base64url")?,
                    d: bytes(self.d, "its `d` is not 32 bytes of base64url")?,
                };
                Ok(Key::Signing(SigningKey { position, kid: kid.to_owned(), status, pair }))
            }
            Some(_) => Err("its `kty` is neither `oct` nor `EC`"),
            None => Err("its `kty` is missing"),
        }
    }
}

/// The JWK Set of one active key of each use, for the file.
pub(super) fn write_set(
    enc: (&str, &Secret),
    sig: (&str, &P256),
) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    let (k, x, y, d) = (text(enc.1), text(&sig.1.x), text(&sig.1.y), text(&sig.1.d));
    let common = |kid| Jwk { kid: Some(kid), status: Some("active"), ..Jwk::default() };
    let enc = Jwk { kty: Some("oct"), r#use: Some("enc"), alg: Some("dir"), k: Some(&k), ..common(enc.0) };
    let sig = Jwk {
        kty: Some("EC"),
        crv: Some("P-256"),
        r#use: Some("sig"),
        alg: Some("ES256"),
        x: Some(&x),
        y: Some(&y),
        d: Some(&d),
        ..common(sig.0)
    };
    // Large enough never to move and leave a copy behind.
    let mut json = Zeroizing::new(Vec::with_capacity(2048));
    serde_json::to_writer_pretty(&mut *json, &Set { keys: vec![enc, sig] })?;
    json.push(b'\n');
    Ok(json)
}

/// A derived key as JWK, for whoever opens tokens with a JOSE library.
pub(crate) fn write_subkey(kid: &str, key: &Secret) -> Option<Zeroizing<String>> {
    let k = text(key);
    let jwk = Jwk {
        kty: Some("oct"),
        r#use: Some("enc"),
        alg: Some("dir"),
        kid: Some(kid),
        k: Some(&k),
        ..Jwk::default()
    };
    let mut json = Zeroizing::new(Vec::with_capacity(512));
    serde_json::to_writer(&mut *json, &jwk).ok()?;
    String::from_utf8(std::mem::take(&mut *json)).ok().map(Zeroizing::new)
}

fn text(bytes: &[u8; 32]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(base64url::encoded_len(bytes.len())));
    base64url::encode(bytes, &mut text);
    text
}

fn bytes(text: Option<&str>, problem: &'static str) -> Result<Secret, &'static str> {
    let mut bytes: [u8; 32] = text.and_then(base64url::decode_array).ok_or(problem)?;
    let secret = Secret::new(bytes);
    bytes.zeroize();
    Ok(secret)
}

fn require(held: bool, problem: &'static str) -> Result<(), &'static str> {
    if held { Ok(()) } else { Err(problem) }
}
