//! The guest assertion: a signed statement about the guest for a service of the customer (contract, section 13). It is no
//! session token, and no service here accepts it as one.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The audience of a session token. No assertion has it.
pub const SESSION_AUDIENCE: &str = "webchat";

/// The issuer of a session token. No assertion has it as its audience.
pub const SESSION_ISSUER: &str = "ScopedAuthService";

/// The service that an assertion is for: its claim `aud`.
///
/// 1 to 200 visible ASCII characters without quotes, commas and backslashes, and neither [`SESSION_AUDIENCE`] nor
/// [`SESSION_ISSUER`], in any case. Compared byte by byte (RFC 7519, section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AssertionAudience(Box<str>);

/// A malformed audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected an audience such as \"https://api.example.com\": 1 to 200 visible ASCII characters without quotes, commas and \
     backslashes, other than `webchat` and `ScopedAuthService`"
)]
pub struct MalformedAudience;

impl AssertionAudience {
    /// Maximum length in bytes.
    pub const MAX_LEN: usize = 200;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AssertionAudience {
    type Err = MalformedAudience;

    fn from_str(text: &str) -> Result<Self, MalformedAudience> {
        let is_visible = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b',' | b'\\');
        let is_reserved = |name: &str| text.eq_ignore_ascii_case(name);
        let is_valid = (1..=Self::MAX_LEN).contains(&text.len())
            && text.bytes().all(is_visible)
            && ![SESSION_AUDIENCE, SESSION_ISSUER].into_iter().any(is_reserved);
        if is_valid { Ok(Self(text.into())) } else { Err(MalformedAudience) }
    }
}

impl fmt::Display for AssertionAudience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for AssertionAudience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AssertionAudience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for AssertionAudience {
    fn schema_name() -> Cow<'static, str> {
        "AssertionAudience".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The service that an assertion is for, compared byte by byte.",
            "pattern": r"^[!#-&(-+\--\[\]-~]{1,200}$",
        })
    }
}

/// A signed assertion: a compact JWS. `Debug` does not print it, since its bearer is taken for the guest.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Assertion(String);

impl Assertion {
    /// Wraps a compact JWS.
    pub fn new(jws: String) -> Self {
        Self(jws)
    }

    /// The text, to pass on. Never log it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Assertion(…)")
    }
}

/// `{assertion, expires_in}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AssertionAnswer {
    /// The assertion.
    pub assertion: Assertion,
    /// In how many seconds it expires.
    pub expires_in: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_and_reserved_audiences_are_rejected() {
        let longest = "a".repeat(AssertionAudience::MAX_LEN);
        for good in ["https://api.example.com", "orders", "urn:example:orders", longest.as_str()] {
            assert_eq!(good.parse::<AssertionAudience>().unwrap().as_str(), good);
        }
        let too_long = format!("{longest}a");
        for bad in [
            "",
            " ",
            "webchat",
            "WebChat",
            "ScopedAuthService",
            "a b",
            "a,b",
            "a\"",
            "a'",
            "a\\b",
            "a\n",
            "ä",
            "a\u{7f}",
            &too_long,
        ] {
            assert_eq!(bad.parse::<AssertionAudience>(), Err(MalformedAudience), "{bad:?}");
        }
        assert!(serde_json::from_str::<AssertionAudience>(r#"["https://api.example.com"]"#).is_err());
    }

    #[test]
    fn debug_does_not_print_the_assertion() {
        let answer = AssertionAnswer { assertion: Assertion::new("secret".into()), expires_in: 60 };
        assert!(!format!("{answer:?}").contains("secret"));
    }
}
