//! The protected headers of the two formats. They are written in one fixed form. When read, a missing, duplicate or
//! unknown member (`crit`, `zip`, `jwk`, `b64`, …) rejects the token (RFC 7515, section 5.2; RFC 8725, section 3.1).

use serde::Deserialize;

use super::{base64url, kid::Kid};

/// The content type of our tokens, so that no other kind of JWT is accepted as one (RFC 8725, section 3.12).
const CONTENT_TYPE: &str = "twilio-fpa;v=1";

/// The maximum length of a header's JSON: what is written around the longest `kid`, and some room for whitespace.
const MAX_LEN: usize = 128 + Kid::MAX_LEN;

/// The maximum length of an encoded header.
pub(super) const MAX_TEXT_LEN: usize = base64url::encoded_len(MAX_LEN);

/// Appends the header of a JWE.
pub(crate) fn write_jwe(kid: &str, out: &mut String) {
    let header = [r#"{"alg":"dir","enc":"A256GCM","typ":"JWT","cty":"twilio-fpa;v=1","kid":""#, kid, r#""}"#];
    base64url::encode(header.concat(), out);
}

/// Appends the header of a JWS.
pub(crate) fn write_jws(kid: &str, out: &mut String) {
    let header = [r#"{"alg":"ES256","typ":"JWT","cty":"twilio-fpa;v=1","kid":""#, kid, r#""}"#];
    base64url::encode(header.concat(), out);
}

/// Appends the header of a guest assertion. Its type is explicit (RFC 8725, section 3.11): [`read_jws`] rejects it, and so
/// does a verifier of assertions that gets a session token.
pub(crate) fn write_assertion(kid: &str, out: &mut String) {
    let header = [r#"{"alg":"ES256","typ":"guest-assertion+jwt","kid":""#, kid, r#""}"#];
    base64url::encode(header.concat(), out);
}

/// The encoded header of a token; empty if it exceeds the maximum length.
pub(crate) fn text_of(token: &str) -> &str {
    let header = token.split('.').next().unwrap_or_default();
    if header.len() > MAX_TEXT_LEN { "" } else { header }
}

/// Reads the header of a JWE and calls `then` with its `kid`.
pub(crate) fn read_jwe<T>(text: &str, then: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let mut json = Vec::new();
    let header = Header::read(text, &mut json)?;
    if header.is(JWE) { then(header.kid) } else { None }
}

/// Reads the header of a JWS and calls `then` with its `kid`.
pub(crate) fn read_jws<T>(text: &str, then: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let mut json = Vec::new();
    let header = Header::read(text, &mut json)?;
    if header.is(JWS) { then(header.kid) } else { None }
}

/// `alg` and `enc` of the two formats.
type Algorithms = (&'static str, Option<&'static str>);

const JWE: Algorithms = ("dir", Some("A256GCM"));
const JWS: Algorithms = ("ES256", None);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    enc: Option<&'a str>,
    typ: &'a str,
    cty: &'a str,
    kid: &'a str,
}

impl<'a> Header<'a> {
    fn read(text: &str, json: &'a mut Vec<u8>) -> Option<Self> {
        if text.len() > MAX_TEXT_LEN {
            return None;
        }
        base64url::decode(text, json)?;
        // serde would also deserialize a struct from an array.
        serde_json::from_slice(json).ok().filter(|_| json.trim_ascii_start().starts_with(b"{"))
    }

    fn is(&self, (alg, enc): Algorithms) -> bool {
        self.alg == alg && self.enc == enc && self.typ == "JWT" && self.cty == CONTENT_TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(json: &str) -> Option<String> {
        let mut text = String::new();
        base64url::encode(json, &mut text);
        read_jwe(&text, |kid| Some(kid.to_owned()))
    }

    #[test]
    fn headers_round_trip() {
        let kid = "k".repeat(Kid::MAX_LEN);
        let mut jwe = String::new();
        write_jwe(&kid, &mut jwe);
        assert_eq!(read_jwe(&jwe, |kid| Some(kid.len())), Some(Kid::MAX_LEN));
        assert_eq!(read_jws(&jwe, |_| Some(())), None);
        let mut jws = String::new();
        write_jws(&kid, &mut jws);
        assert_eq!(read_jws(&jws, |kid| Some(kid.len())), Some(Kid::MAX_LEN));
        assert_eq!(read_jwe(&jws, |_| Some(())), None);
    }

    #[test]
    fn the_header_of_an_assertion_is_not_one_of_a_token() {
        let mut text = String::new();
        write_assertion("sig-1", &mut text);
        let mut json = Vec::new();
        base64url::decode(&text, &mut json).unwrap();
        assert_eq!(json, br#"{"alg":"ES256","typ":"guest-assertion+jwt","kid":"sig-1"}"#);
        assert_eq!(read_jws(&text, |_| Some(())), None);
        assert_eq!(read_jwe(&text, |_| Some(())), None);
        for (typ, cty) in [("guest-assertion+jwt", r#","cty":"twilio-fpa;v=1""#), ("JWT", "")] {
            text.clear();
            base64url::encode(format!(r#"{{"alg":"ES256","typ":"{typ}"{cty},"kid":"sig-1"}}"#), &mut text);
            assert_eq!(read_jws(&text, |_| Some(())), None, "{typ}{cty}");
        }
    }

    #[test]
    fn members_may_have_another_order() {
        let json = r#"{"kid": "k", "cty": "twilio-fpa;v=1", "typ": "JWT", "enc": "A256GCM", "alg": "dir"}"#;
        assert_eq!(read_text(json).as_deref(), Some("k"));
    }

    #[test]
    fn an_array_is_rejected() {
        assert_eq!(read_text(r#"["dir","A256GCM","JWT","twilio-fpa;v=1","k"]"#), None);
    }

    #[test]
    fn an_overlong_header_is_rejected() {
        let json = r#"{"alg":"dir","enc":"A256GCM","typ":"JWT","cty":"twilio-fpa;v=1","kid":"k"}"#;
        let padded = |blanks: usize| json.replace('}', &format!("{}}}", " ".repeat(blanks)));
        assert!(read_text(&padded(MAX_LEN - json.len())).is_some());
        assert!(read_text(&padded(MAX_LEN - json.len() + 1)).is_none());
    }
}
