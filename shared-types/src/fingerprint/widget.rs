//! Parser of the widget's own headers, `x-twilio-sec-*`: three JSON objects (contract, section 4). Members may be
//! missing or null, as in a browser that lacks the API; unknown members are ignored. A member of the wrong type, or a
//! value that is not an object, makes the header malformed.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{Deserialize, Deserializer, de};

/// Maximum length of a header value, in bytes. The released widget's longest has about 250.
const MAX_LEN: usize = 4 * 1024;

/// Placeholder that the released widget sends without a login timestamp, when the browser denies it storage. It counts
/// as absent: every such browser sends the same value, so it identifies nothing.
const NO_LOGIN_TIMESTAMP: &str = "9999999";

/// The header is present but malformed: the widget never sends such a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// `x-twilio-sec-decoders`.
#[derive(Default, Deserialize)]
struct Decoders {
    audio: Option<Object<Answer>>,
    video: Option<Object<Answer>>,
}

/// A decoder's capabilities. Only `supported` is read: the other members vary with load and battery.
#[derive(Deserialize)]
struct Answer {
    supported: Option<bool>,
}

/// Parses `x-twilio-sec-decoders`: whether the audio and the video probe are supported.
pub(super) fn decoders(header: Option<&[u8]>) -> Result<(Option<bool>, Option<bool>), Malformed> {
    let decoders: Decoders = read(header)?.unwrap_or_default();
    let supported = |answer: Option<Object<Answer>>| answer.and_then(|answer| answer.0.supported);
    Ok((supported(decoders.audio), supported(decoders.video)))
}

/// `x-twilio-sec-usersettings`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserSettings {
    pub(super) language: Option<String>,
    pub(super) cookie_enabled: Option<bool>,
    #[serde(default, deserialize_with = "minutes")]
    pub(super) user_timezone: Option<i16>,
}

/// Parses `x-twilio-sec-usersettings`. Without the header, every setting is `None`.
pub(super) fn user_settings(header: Option<&[u8]>) -> Result<UserSettings, Malformed> {
    Ok(read(header)?.unwrap_or_default())
}

/// Deserialises the offset from UTC in whole minutes. `Date.getTimezoneOffset` returns at most a day.
fn minutes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i16>, D::Error> {
    match Option::<f64>::deserialize(deserializer)? {
        None => Ok(None),
        Some(minutes) if minutes.fract() == 0.0 && minutes.abs() <= 1440.0 => Ok(Some(minutes as i16)),
        Some(_) => Err(de::Error::custom("expected whole minutes of at most a day")),
    }
}

/// `x-twilio-sec-webchatinfo`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WebchatInfo<'a> {
    #[serde(borrow)]
    login_timestamp: Option<Nonce<'a>>,
}

/// A nonce as text, from a JSON string or number: older releases of the widget send one, newer ones the other.
struct Nonce<'a>(Cow<'a, str>);

/// Parses the login timestamp of `x-twilio-sec-webchatinfo`: 1 to 64 characters of any text.
pub(super) fn login_timestamp(header: Option<&[u8]>) -> Result<Option<Cow<'_, str>>, Malformed> {
    let info: WebchatInfo<'_> = read(header)?.unwrap_or_default();
    match info.login_timestamp {
        Some(Nonce(text)) if text.chars().count() > 64 => Err(Malformed),
        Some(Nonce(text)) if text.is_empty() || text == NO_LOGIN_TIMESTAMP => Ok(None),
        nonce => Ok(nonce.map(|Nonce(text)| text)),
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Nonce<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> de::Visitor<'de> for Text {
            type Value = Nonce<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a number")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Nonce<'de>, E> {
                Ok(Nonce(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Nonce<'de>, E> {
                Ok(Nonce(Cow::Owned(text.to_owned())))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Nonce<'de>, E> {
                Ok(Nonce(Cow::Owned(number.to_string())))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Nonce<'de>, E> {
                Ok(Nonce(Cow::Owned(number.to_string())))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Nonce<'de>, E> {
                // The bits, in hexadecimal: not every number has a short decimal form, and a nonce only has to be
                // unique.
                Ok(Nonce(Cow::Owned(format!("{:x}", number.to_bits()))))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

fn read<'a, T: Deserialize<'a>>(header: Option<&'a [u8]>) -> Result<Option<T>, Malformed> {
    let Some(json) = header else { return Ok(None) };
    if json.len() > MAX_LEN {
        return Err(Malformed);
    }
    serde_json::from_slice::<Object<T>>(json).map(|object| Some(object.0)).map_err(|_| Malformed)
}

/// A `T` that deserialises from a JSON object only. A derived `Deserialize` also accepts the members as an array.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Members<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(members)).map(Object)
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoders_are_parsed_for_supported_only() {
        for (json, expected) in [
            (
                r#"{"audio":{"powerEfficient":true,"smooth":true,"supported":true,"keySystemAccess":null},
                 "video":{"powerEfficient":false,"smooth":false,"supported":false,"keySystemAccess":"x"}}"#,
                (Some(true), Some(false)),
            ),
            (
                r#"{"audio":{"supported":true,"keySystemAccess":{"a":[1]},"configuration":{}},"extra":[[]]}"#,
                (Some(true), None),
            ),
            (r#"{"audio":null,"video":{"supported":null}}"#, (None, None)),
            ("{}", (None, None)),
        ] {
            assert_eq!(decoders(Some(json.as_bytes())), Ok(expected), "{json}");
        }
        assert_eq!(decoders(None), Ok((None, None)));
    }

    #[test]
    fn missing_null_and_unknown_settings_are_accepted() {
        let settings =
            user_settings(Some(br#"{"language":"de-DE","cookieEnabled":true,"userTimezone":-120}"#));
        let settings = settings.unwrap();
        assert_eq!(settings.language.as_deref(), Some("de-DE"));
        assert_eq!((settings.cookie_enabled, settings.user_timezone), (Some(true), Some(-120)));

        let settings =
            user_settings(Some(br#"{"language":null,"userTimezone":null,"theme":"dark"}"#)).unwrap();
        assert_eq!((settings.language, settings.cookie_enabled, settings.user_timezone), (None, None, None));
    }

    #[test]
    fn a_login_timestamp_may_be_a_string_or_a_number() {
        let read = |json: &str| login_timestamp(Some(json.as_bytes())).map(|text| text.map(Cow::into_owned));
        for json in [r#"{"loginTimestamp":"1711075540530"}"#, r#"{"loginTimestamp":1711075540530}"#] {
            assert_eq!(read(json), Ok(Some("1711075540530".to_owned())));
        }
        assert_ne!(read(r#"{"loginTimestamp":1.5}"#), read(r#"{"loginTimestamp":1.25}"#));
        for json in [
            "{}",
            r#"{"loginTimestamp":null}"#,
            r#"{"loginTimestamp":""}"#,
            r#"{"loginTimestamp":"9999999"}"#,
        ] {
            assert_eq!(read(json), Ok(None), "{json}");
        }
        let of = |len: usize| format!(r#"{{"loginTimestamp":"{}"}}"#, "7".repeat(len));
        assert!(read(&of(64)).is_ok_and(|text| text.is_some()));
        assert_eq!(read(&of(65)), Err(Malformed));
    }

    #[test]
    fn ignored_members_may_be_deeply_nested() {
        let deep = format!(r#"{{"audio":{{"x":{}{}}}}}"#, "[".repeat(2000), "]".repeat(2000));
        assert_eq!(decoders(Some(deep.as_bytes())), Ok((None, None)));
    }

    #[test]
    fn other_values_are_malformed() {
        let bomb = format!(r#"{{"x":{}"#, "[".repeat(4000));
        let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(4096));
        let huge = "x".repeat(64 * 1024);
        for json in ["", " ", "null", "[]", "[null,null]", "1", "{", "{}x", "{\"a\":1,}", &bomb, &long, &huge]
        {
            let json = Some(json.as_bytes());
            assert!(decoders(json).is_err());
            assert!(user_settings(json).is_err());
            assert!(login_timestamp(json).is_err());
        }
        for json in [
            r#"{"audio":true}"#,
            r#"{"audio":[true]}"#,
            r#"{"video":"yes"}"#,
            r#"{"audio":{"supported":"true"}}"#,
            r#"{"audio":{"supported":1}}"#,
            r#"{"audio":{},"audio":{}}"#,
        ] {
            assert_eq!(decoders(Some(json.as_bytes())), Err(Malformed), "{json}");
        }
        for json in [
            r#"{"language":1}"#,
            r#"{"cookieEnabled":"true"}"#,
            r#"{"userTimezone":"60"}"#,
            r#"{"userTimezone":0.5}"#,
            r#"{"userTimezone":1441}"#,
            r#"{"userTimezone":-1441}"#,
            r#"{"userTimezone":1e300}"#,
        ] {
            assert!(user_settings(Some(json.as_bytes())).is_err(), "{json}");
        }
        for json in [r#"{"loginTimestamp":true}"#, r#"{"loginTimestamp":{}}"#, r#"{"loginTimestamp":[1]}"#] {
            assert_eq!(login_timestamp(Some(json.as_bytes())), Err(Malformed), "{json}");
        }
        assert!(decoders(Some(b"{\"audio\":\"\xff\"}")).is_err());
    }
}
