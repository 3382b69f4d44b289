//! One key of the file as a JWK (RFC 7517, section 4; RFC 7518, sections 6.2 and 6.4): parsed and written.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, error::Category};
use zeroize::{Zeroize as _, Zeroizing};

use super::{Key, KeyFile, KeyFileError, KeyInfo, Material, Status, Use};
use crate::{
    crypto::{P256KeyPair, Secret},
    jose::{base64url, kid::is_name},
};

/// A JWK. Its strings are borrowed from the file, so that parsing leaves no copies of keys.
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
    #[serde(skip_serializing_if = "Option::is_none")]
    made_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opens_until: Option<i64>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct Set<'a> {
    #[serde(borrow)]
    pub(super) keys: Vec<Jwk<'a>>,
    #[serde(flatten)]
    pub(super) others: Map<String, Value>,
}

pub(super) fn parse_set(json: &[u8]) -> Result<Set<'_>, KeyFileError> {
    // serde_json's own message may quote the file.
    serde_json::from_slice(json).map_err(|error| KeyFileError::Json {
        line: error.line(),
        column: error.column(),
        problem: match error.classify() {
            Category::Syntax | Category::Eof | Category::Io => "not JSON",
            Category::Data => "expected a JWK Set, whose keys have each member once, as a string without escapes or a whole number of seconds",
        },
    })
}

impl Jwk<'_> {
    pub(super) fn parse(self, position: usize) -> Result<Key, &'static str> {
        let kid = self
            .kid
            .filter(|kid| is_name(kid))
            .ok_or("its `kid` is not 1 to 32 letters, digits, `_` and `-`")?;
        let status = match self.status {
            Some("next") => Status::Next,
            Some("active") => Status::Active,
            Some("retired") => Status::Retired,
            _ => return Err("its `status` is not `next`, `active` or `retired`"),
        };
        let (usage, material) = self.material()?;
        let info = KeyInfo {
            kid: kid.to_owned(),
            usage,
            status,
            made_at: time(self.made_at, "its `made_at` is out of range")?,
            opens_until: time(self.opens_until, "its `opens_until` is out of range")?,
        };
        Ok(Key { position, info, material, others: self.others })
    }

    fn material(&self) -> Result<(Use, Material), &'static str> {
        match (self.kty, self.r#use) {
            (Some("oct"), Some("audit")) => {
                require(self.alg == Some("HS256"), "its `alg` is not `HS256`")?;
                let secret = bytes(self.k, "its `k` is not 32 bytes of base64url")?;
                Ok((Use::Audit, Material::Audit(secret)))
            }
            (Some("oct"), usage) => {
                require(usage == Some("enc"), "its `use` is not `enc` or `audit`")?;
                require(self.alg == Some("dir"), "its `alg` is not `dir`")?;
                let secret = bytes(self.k, "its `k` is not 32 bytes of base64url")?;
                Ok((Use::Encryption, Material::Encryption(secret)))
            }
            (Some("EC"), usage) => {
                require(usage == Some("sig"), "its `use` is not `sig`")?;
                require(self.alg == Some("ES256"), "its `alg` is not `ES256`")?;
                require(self.crv == Some("P-256"), "its `crv` is not `P-256`")?;
                let pair = P256KeyPair {
                    x: *bytes(self.x, "its `x` is not 32 bytes of base64url")?,
                    y: *bytes(self.y, "its `y` is not 32 bytes of base64url")?,
                    d: bytes(self.d, "its `d` is not 32 bytes of base64url")?,
                };
                Ok((Use::Signing, Material::Signing(pair)))
            }
            (Some(_), _) => Err("its `kty` is not `oct` or `EC`"),
            (None, _) => Err("its `kty` is missing"),
        }
    }
}

impl KeyFile {
    /// Serialises the JWK Set.
    pub(super) fn write(&self) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        #[derive(Serialize)]
        struct Set<'a> {
            keys: &'a [Key],
            #[serde(flatten)]
            others: &'a Map<String, Value>,
        }
        // Large enough not to reallocate, which would leave a copy of keys in freed memory, unless there are many unknown members.
        let mut json = Zeroizing::new(Vec::with_capacity(1024 * (self.keys.len() + 2)));
        serde_json::to_writer_pretty(&mut *json, &Set { keys: &self.keys, others: &self.others })
            .map_err(|_| KeyFileError::Set("it cannot be written as JSON"))?;
        json.push(b'\n');
        Ok(json)
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let KeyInfo { kid, usage, status, made_at, opens_until } = &self.info;
        let common = Jwk {
            r#use: Some(usage.as_str()),
            alg: Some(usage.algorithm()),
            kid: Some(kid),
            status: Some(status.as_str()),
            made_at: made_at.map(|time| time.timestamp()),
            opens_until: opens_until.map(|time| time.timestamp()),
            others: self.others.clone(),
            ..Jwk::default()
        };
        match &self.material {
            Material::Encryption(secret) | Material::Audit(secret) => {
                let k = text(secret);
                Jwk { kty: Some("oct"), k: Some(&k), ..common }.serialize(serializer)
            }
            Material::Signing(pair) => {
                let (x, y, d) = (text(&pair.x), text(&pair.y), text(&pair.d));
                let parts = Jwk { x: Some(&x), y: Some(&y), d: Some(&d), ..common };
                Jwk { kty: Some("EC"), crv: Some("P-256"), ..parts }.serialize(serializer)
            }
        }
    }
}

/// Serialises a subkey as JWK, for any JOSE library.
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

fn time(seconds: Option<i64>, problem: &'static str) -> Result<Option<DateTime<Utc>>, &'static str> {
    seconds.map(|seconds| DateTime::from_timestamp(seconds, 0).ok_or(problem)).transpose()
}

fn bytes(text: Option<&str>, problem: &'static str) -> Result<Secret, &'static str> {
    let mut bytes: [u8; 32] = text.and_then(base64url::decode_array).ok_or(problem)?;
    let secret = Secret::new(bytes);
    bytes.zeroize();
    Ok(secret)
}

fn require(condition: bool, problem: &'static str) -> Result<(), &'static str> {
    if condition { Ok(()) } else { Err(problem) }
}
