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
    assert_eq!(read("application/json", &format!("{good}{good}")).unwrap_err().code, Code::InvalidRequest);
    let error = read("application/x-www-form-urlencoded", "deploymentKey=hunter2").unwrap_err();
    assert_eq!(error.message, "`deploymentKey` is malformed: expected CV and 32 hexadecimal digits.");
    assert_eq!(read("text/plain", &good).unwrap_err().code, Code::UnsupportedMediaType);
}
