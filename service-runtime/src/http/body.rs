//! Deserializes bodies and queries into typed requests. Errors name the field and the expectation, and never repeat the
//! value, which may be a token.

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::de::{
    DeserializeOwned,
    value::{self, BorrowedStrDeserializer, MapDeserializer},
};
use shared_types::{Code, json::replace_lone_surrogates};

/// Why a body was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BodyError {
    /// `invalid_request` or `unsupported_media_type`.
    pub(crate) code: Code,
    /// The public message.
    pub(crate) message: String,
}

/// Maximum length of an unknown field's name in an error.
const MAX_FIELD_NAME: usize = 64;

/// What editors put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Whether the body has a content coding, such as gzip. None is supported.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    let is_coding = |value: &HeaderValue| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    headers.get(CONTENT_ENCODING).is_some_and(is_coding)
}

/// Deserializes a request from its body.
pub(crate) fn parse<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: &[u8],
    forms: bool,
) -> Result<T, BodyError> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let content_type = headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let essence = content_type.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    if essence.eq_ignore_ascii_case(b"application/json") {
        json(body)
    } else if forms && essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        form(body)
    } else if essence.is_empty() && body.is_empty() {
        json(body)
    } else {
        let accepted =
            if forms { "application/json or application/x-www-form-urlencoded" } else { "application/json" };
        Err(BodyError { code: Code::UnsupportedMediaType, message: format!("The body must be {accepted}.") })
    }
}

/// Deserializes a request from a form or a query.
pub(crate) fn form<T: DeserializeOwned>(body: &[u8]) -> Result<T, BodyError> {
    plain_form(body).map_or_else(|| escaped_form(body), Ok)
}

/// Fast path for forms without escapes, such as tokens: fields are borrowed in place. Percent-decoding takes twenty
/// times as long, even where it has nothing to decode.
fn plain_form<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    let is_escaped = body.iter().fold(false, |any, byte| any | matches!(byte, b'%' | b'+'));
    let text = str::from_utf8(body).ok().filter(|_| !is_escaped)?;
    let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (BorrowedStrDeserializer::new(name), BorrowedStrDeserializer::new(value))
    });
    T::deserialize(MapDeserializer::<_, value::Error>::new(pairs)).ok()
}

/// Slow path: any form. Fields may also be numbers.
fn escaped_form<T: DeserializeOwned>(body: &[u8]) -> Result<T, BodyError> {
    T::deserialize(serde_urlencoded::Deserializer::new(form_pairs(body))).or_else(|_| {
        let pairs = serde_urlencoded::Deserializer::new(form_pairs(body));
        serde_path_to_error::deserialize(pairs)
            .map_err(|error| describe(&error.path().to_string(), &error.inner().to_string()))
    })
}

fn form_pairs(body: &[u8]) -> url::form_urlencoded::Parse<'_> {
    url::form_urlencoded::parse(body)
}

/// Deserializes JSON. No bytes are an empty object.
fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, BodyError> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    // serde would also deserialize a struct from an array, by position.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(invalid("The body must be a JSON object.".into()));
    }
    // Tracking the path of each field costs more than the parsing itself, so only a failed body is parsed again with
    // it. One UTF-8 check of the whole body is faster than one per string.
    let read = str::from_utf8(body).ok().and_then(|text| serde_json::from_str(text).ok());
    read.map_or_else(
        || replace_lone_surrogates(body).map_or_else(|| find_fault(body), |body| find_fault(&body)),
        Ok,
    )
}

fn find_fault<T: DeserializeOwned>(body: &[u8]) -> Result<T, BodyError> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let inner = error.inner();
        if inner.is_data() {
            describe(&error.path().to_string(), &inner.to_string())
        } else {
            invalid(format!("The body is not JSON: line {}, column {}.", inner.line(), inner.column()))
        }
    })?;
    deserializer.end().map_err(|_| invalid("The body continues after its JSON object.".into()))?;
    Ok(value)
}

fn invalid(message: String) -> BodyError {
    BodyError { code: Code::InvalidRequest, message }
}

/// Formats the field and the expectation from serde's error text, which may also quote the value.
fn describe(path: &str, error: &str) -> BodyError {
    let field = |text: &str| text.split('`').nth(1).map(str::to_owned);
    let message = if error.starts_with("missing field") {
        format!("`{}` is missing.", field(error).unwrap_or_default())
    } else if error.starts_with("duplicate field") {
        format!("`{}` is given twice.", field(error).unwrap_or_default())
    } else if let Some(rest) = error.strip_prefix("unknown field `") {
        format!("{} is not supported.", unknown_field(rest))
    } else {
        let expected = error.rfind("expected ").and_then(|at| error.get(at..));
        // serde_json appends the position.
        let expected = expected.map(|text| text.split(" at line ").next().unwrap_or(text));
        format!("`{path}` is malformed: {}.", expected.unwrap_or_else(|| expected_number(error)))
    };
    BodyError { code: Code::InvalidRequest, message }
}

/// What was expected instead of a text that is not a number, or not one of the field's type: those errors are the standard
/// library's, and do not say.
fn expected_number(error: &str) -> &'static str {
    if error.contains("too large") {
        "expected a smaller number"
    } else {
        "expected a whole number, not negative"
    }
}

/// The name of an unknown field, quoted, from serde's error text after the opening quote. Only a short name of printable
/// ASCII is repeated: it is the client's, and may be a token.
fn unknown_field(rest: &str) -> String {
    let end = ["`, expected ", "`, there are no fields"].iter().filter_map(|after| rest.rfind(after)).max();
    let name = end.and_then(|end| rest.get(..end)).unwrap_or_default();
    let is_printable = name.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_printable && (1..=MAX_FIELD_NAME).contains(&name.len()) {
        format!("`{name}`")
    } else {
        "A parameter".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared_types::orchestrator::refresh_token::Request;

    use super::*;

    const KEY: &str = "CV00000000000000000000000000000001";

    fn read(content_type: &'static str, body: &str) -> Result<Request, BodyError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        parse(&headers, body.as_bytes(), true)
    }

    #[test]
    fn json_and_forms_in_all_three_field_name_styles() {
        for (deployment, token) in
            [("deploymentKey", "token"), ("DeploymentKey", "Token"), ("deployment_key", "token")]
        {
            let json = format!(r#"{{"{deployment}":"{KEY}","{token}":"t","more":1}}"#);
            assert!(read("application/json; charset=utf-8", &json).is_ok());
            let form = format!("{deployment}={KEY}&{token}=t&more=1");
            assert!(read("Application/X-WWW-Form-Urlencoded", &form).is_ok());
        }
    }

    proptest! {
        #[test]
        fn a_form_without_escapes_is_read_as_any_form_is(
            body in "((deploymentKey|token|Token|more|)=?(CV0{31}1|t.~|)&?){0,4}", other in "[%+=&a\u{e9}\u{0}]{0,2}",
        ) {
            let body = format!("{body}{other}");
            if let Some(read) = plain_form::<Request>(body.as_bytes()) {
                let expected = escaped_form::<Request>(body.as_bytes()).unwrap();
                prop_assert_eq!(read.deployment_key, expected.deployment_key);
                prop_assert!(read.token == expected.token);
            }
        }
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Known {
        #[serde(default, rename = "Body")]
        body: String,
        #[serde(default)]
        nested: Option<Nothing>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    #[test]
    fn unknown_fields_are_named_if_their_name_is_short_and_printable() {
        let long = "x".repeat(64);
        for (name, shown) in [
            ("Xy.Z", "`Xy.Z`"),
            ("a`, expected b", "`a`, expected b`"),
            (long.as_str(), format!("`{long}`").as_str()),
            (format!("{long}x").as_str(), "A parameter"),
            ("", "A parameter"),
            ("é", "A parameter"),
            ("a\nb", "A parameter"),
        ] {
            let message = format!("{shown} is not supported.");
            let value = serde_json::json!({ "Body": "b", name: "hunter2" }).to_string();
            assert_eq!(json::<Known>(value.as_bytes()).unwrap_err().message, message);
            let nested = serde_json::json!({ "nested": { name: "hunter2" } }).to_string();
            assert_eq!(json::<Known>(nested.as_bytes()).unwrap_err().message, message);
            let pairs =
                url::form_urlencoded::Serializer::new(String::new()).append_pair(name, "hunter2").finish();
            assert_eq!(form::<Known>(format!("Body=b&{pairs}").as_bytes()).unwrap_err().message, message);
        }
    }

    #[test]
    fn any_coding_but_identity_is_a_content_coding() {
        for (encoding, expected) in
            [("gzip", true), ("br", true), ("", true), ("identity", false), (" Identity", false)]
        {
            let mut headers = HeaderMap::new();
            assert!(!is_encoded(&headers));
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
            assert_eq!(is_encoded(&headers), expected, "{encoding}");
        }
    }

    #[test]
    fn no_bytes_are_an_empty_object_and_a_byte_order_mark_is_skipped() {
        let good = format!(r#"{{"deploymentKey":"{KEY}","token":"t"}}"#);
        assert!(read("application/json", &format!("\u{feff}{good}")).is_ok());
        let form = format!("\u{feff}deploymentKey={KEY}&token=t");
        assert!(read("application/x-www-form-urlencoded", &form).is_ok());
        for empty in ["", " \r\n", "\u{feff}", "{}"] {
            let error = read("application/json", empty).unwrap_err();
            assert_eq!(error.message, "`deploymentKey` is missing.", "{empty:?}");
        }
    }

    #[test]
    fn half_an_emoji_is_a_replacement_character() {
        let known = json::<Known>(br#"{"Body":"happy \ud83d"}"#).unwrap();
        assert_eq!(known.body, "happy \u{fffd}");
        // Its fields are checked as those of any other body.
        let message = "`x` is not supported.";
        assert_eq!(json::<Known>(br#"{"Body":"\ud83d","x":1}"#).unwrap_err().message, message);
    }

    #[test]
    fn a_malformed_number_is_told_what_is_expected() {
        #[derive(Debug, serde::Deserialize)]
        struct Numbers {
            #[expect(dead_code, reason = "never deserialized")]
            after: u32,
        }
        for (value, expected) in [
            ("-1", "a whole number, not negative"),
            ("1.5", "a whole number, not negative"),
            ("", "a whole number, not negative"),
            ("x", "a whole number, not negative"),
            ("4294967296", "a smaller number"),
        ] {
            let message = format!("`after` is malformed: expected {expected}.");
            assert_eq!(form::<Numbers>(format!("after={value}").as_bytes()).unwrap_err().message, message);
        }
    }

    #[test]
    fn an_empty_form_has_no_fields() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let empty = Known { body: String::new(), nested: None };
        assert_eq!(parse::<Known>(&headers, b"", true).unwrap(), empty);
        assert_eq!(read("application/x-www-form-urlencoded", "").unwrap_err().code, Code::InvalidRequest);
    }

    #[test]
    fn errors_name_the_field_and_repeat_no_value() {
        let cases = [
            ("{}", "`deploymentKey` is missing."),
            (
                r#"{"deploymentKey":"hunter2"}"#,
                "`deploymentKey` is malformed: expected CV and 32 hexadecimal digits.",
            ),
            (r#"{"deploymentKey":["hunter2"]}"#, "`deploymentKey` is malformed: expected a string."),
            (r#"{"token":{"hunter2":1}}"#, "`token` is malformed: expected a string."),
            (r#"{"token":"hunter2","Token":"hunter2"}"#, "`token` is given twice."),
            (r#"{"token":"hunter2"#, "The body is not JSON: line 1, column 17."),
            (r#"["hunter2"]"#, "The body must be a JSON object."),
            (r#"{"token":""}"#, "`token` is malformed: expected a token of 1 to 8192 characters."),
        ];
        for (body, message) in cases {
            let error = read("application/json", body).unwrap_err();
            assert_eq!((error.code, error.message.as_str()), (Code::InvalidRequest, message), "{body}");
        }
        let good = format!(r#"{{"deploymentKey":"{KEY}","token":"t"}}"#);
        assert_eq!(
            read("application/json", &format!("{good}{good}")).unwrap_err().code,
            Code::InvalidRequest
        );
        let error = read("application/x-www-form-urlencoded", "deploymentKey=hunter2").unwrap_err();
        assert_eq!(error.message, "`deploymentKey` is malformed: expected CV and 32 hexadecimal digits.");
        assert_eq!(read("text/plain", &good).unwrap_err().code, Code::UnsupportedMediaType);
    }
}
