//! Deserializes bodies and queries into typed requests. Errors name the field and the expectation, and never repeat the
//! value, which may be a token.

#[cfg(test)]
mod tests;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::de::{
    DeserializeOwned,
    value::{self, BorrowedStrDeserializer, MapDeserializer},
};
use shared_types::{Code, json::replace_lone_surrogates};

/// Why a body was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyError {
    /// `invalid_request` or `unsupported_media_type`.
    pub code: Code,
    /// The public message.
    pub message: String,
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

/// Deserializes a request from its body: JSON or, if the endpoint takes them, a form.
///
/// # Errors
///
/// `unsupported_media_type` by the `Content-Type`, otherwise `invalid_request`, whose message never repeats a value.
pub fn parse<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8], forms: bool) -> Result<T, BodyError> {
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
