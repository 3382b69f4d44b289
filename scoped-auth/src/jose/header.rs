//! The protected headers of the two forms. Each has one spelling when written, and when read exactly the members that
//! it is written with: a member that is missing, twice there or unknown (`crit`, `zip`, `jwk`, `b64`, …) refuses the
//! token (RFC 7515, section 5.2; RFC 8725, section 3.1).

use serde::Deserialize;

use super::{base64url, kid::Kid};

/// The content type that says what kind of token this is, so that none of another kind is taken for one (RFC 8725,
/// section 3.12).
const CONTENT_TYPE: &str = "twilio-fpa;v=1";

/// The longest header that is read: what is written around the longest `kid`, and some room for other orders and
/// blanks.
const MAX_LEN: usize = 128 + Kid::MAX_LEN;

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

/// Reads the header of a JWE and gives its `kid` to `then`.
pub(crate) fn read_jwe<T>(text: &str, then: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Header<'a> {
        alg: &'a str,
        enc: &'a str,
        typ: &'a str,
        cty: &'a str,
        kid: &'a str,
    }
    read(text, |json| {
        let header: Header<'_> = serde_json::from_slice(json).ok()?;
        let ours = header.alg == "dir"
            && header.enc == "A256GCM"
            && header.typ == "JWT"
            && header.cty == CONTENT_TYPE;
        if ours { then(header.kid) } else { None }
    })
}

/// Reads the header of a JWS and gives its `kid` to `then`.
pub(crate) fn read_jws<T>(text: &str, then: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Header<'a> {
        alg: &'a str,
        typ: &'a str,
        cty: &'a str,
        kid: &'a str,
    }
    read(text, |json| {
        let header: Header<'_> = serde_json::from_slice(json).ok()?;
        let ours = header.alg == "ES256" && header.typ == "JWT" && header.cty == CONTENT_TYPE;
        if ours { then(header.kid) } else { None }
    })
}

fn read<T>(text: &str, then: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    if text.len() > base64url::encoded_len(MAX_LEN) {
        return None;
    }
    let mut json = Vec::new();
    base64url::decode(text, &mut json)?;
    // serde would take an array of the right values for the object.
    if json.first() != Some(&b'{') {
        return None;
    }
    then(&json)
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
    fn what_is_written_is_read() {
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
    fn another_order_is_the_same_header() {
        let json = r#"{"kid": "k", "cty": "twilio-fpa;v=1", "typ": "JWT", "enc": "A256GCM", "alg": "dir"}"#;
        assert_eq!(read_text(json).as_deref(), Some("k"));
    }

    #[test]
    fn an_array_is_no_header() {
        assert_eq!(read_text(r#"["dir","A256GCM","JWT","twilio-fpa;v=1","k"]"#), None);
    }

    #[test]
    fn an_over_long_header_is_not_read() {
        let json = r#"{"alg":"dir","enc":"A256GCM","typ":"JWT","cty":"twilio-fpa;v=1","kid":"k"}"#;
        let padded = |blanks: usize| json.replace('}', &format!("{}}}", " ".repeat(blanks)));
        assert!(read_text(&padded(MAX_LEN - json.len())).is_some());
        assert!(read_text(&padded(MAX_LEN - json.len() + 1)).is_none());
    }
}
