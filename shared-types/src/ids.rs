//! The identifiers as types. A value is always well formed, since parsing validates it.

use std::{borrow::Cow, fmt, str::FromStr};

use hex::FromHex as _;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// The text is not an identifier of the expected type. The error does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct MalformedId(&'static str);

macro_rules! sid {
    ($name:ident, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        #[doc = concat!("`", $prefix, "` and 32 hexadecimal digits; written in lower case.")]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// The identifier with these 128 bits.
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// The 128 bits of the identifier.
            pub const fn to_bits(self) -> u128 {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                const EXPECTED: MalformedId = MalformedId(concat!($prefix, " and 32 hexadecimal digits"));
                let digits = text.strip_prefix($prefix).ok_or(EXPECTED)?;
                let bytes = <[u8; 16]>::from_hex(digits).map_err(|_| EXPECTED)?;
                Ok(Self(u128::from_be_bytes(bytes)))
            }
        }

        impl $name {
            /// The text of 34 characters, without an allocation.
            pub fn text(self) -> Text<34> {
                let mut text = Text([0; 34]);
                let (prefix, digits) = text.0.split_at_mut($prefix.len());
                prefix.copy_from_slice($prefix.as_bytes());
                // The lengths are equal.
                let _ = hex::encode_to_slice(self.0.to_be_bytes(), digits);
                text
            }
        }

        as_text!($name);
        text_schema!($name, $doc, concat!("^", $prefix, "[0-9A-Fa-f]{32}$"));
    };
}

/// The text of an identifier: `N` ASCII characters.
#[derive(Clone, Copy)]
pub struct Text<const N: usize>([u8; N]);

impl<const N: usize> std::ops::Deref for Text<N> {
    type Target = str;

    fn deref(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.text())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Parsed;
                impl de::Visitor<'_> for Parsed {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a string")
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Parsed)
            }
        }
    };
}

/// The hyphenated form of a UUID of any version.
const UUID_PATTERN: &str = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$";

macro_rules! text_schema {
    ($name:ident, $doc:expr, $pattern:expr) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "description": $doc.trim_ascii(), "pattern": $pattern })
            }
        }
    };
}

sid!(AccountSid, "AC", "An account. ");
sid!(DeploymentKey, "CV", "A deployment of the chat on a site. Public: it is part of the page. ");
sid!(AddressSid, "IG", "The address that a deployment's conversations arrive at. ");
sid!(ConversationsServiceSid, "IS", "The conversations service of an account. ");
sid!(ConversationSid, "CH", "A conversation. ");
sid!(MessageSid, "IM", "A message of a conversation. ");
sid!(ApiKeySid, "SK", "An API key of an account. ");
sid!(ParticipantSid, "MB", "A participant of a conversation. ");

impl AccountSid {
    /// The account's `account_id`: a UUID v5 of its sid in the namespace of OIDs, so it is the same in every process.
    pub fn account_id(self) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, self.text().as_bytes())
    }
}

macro_rules! uuid_id {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The identifier with these random bytes (UUID version 4).
            pub fn from_random(bytes: [u8; 16]) -> Self {
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                // Only the hyphenated form: with the others, one identity would have several spellings.
                if text.len() != 36 {
                    return Err(MalformedId("a UUID"));
                }
                Uuid::try_parse(text).map(Self).map_err(|_| MalformedId("a UUID"))
            }
        }

        impl $name {
            /// The text of 36 characters, without an allocation.
            pub fn text(self) -> Text<36> {
                let mut text = Text([0; 36]);
                self.0.hyphenated().encode_lower(&mut text.0);
                text
            }
        }

        as_text!($name);
        text_schema!($name, $doc, UUID_PATTERN);
    };
}

uuid_id!(Identity, "The identity of a guest in the chat: a random UUID.");
uuid_id!(
    SessionId,
    "A session: the claim `sid`, unchanged by refresh. A UUID that contains the time when the session began."
);

impl SessionId {
    /// The id of a session that begins at `millis` (milliseconds since 1970), with these random bytes: a UUID version 7
    /// (RFC 9562, section 5.7).
    pub fn begun_at(millis: u64, random: &[u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid())
    }

    /// When the session began, in milliseconds since 1970; `None` if its id is not a UUID version 7.
    pub const fn began_at(self) -> Option<u64> {
        if self.0.get_version_num() == 7 { Some((self.0.as_u128() >> 80) as u64) } else { None }
    }

    /// The 16 bytes of the UUID.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// A random byte of the id, for values that differ between sessions and are constant within one.
    pub const fn last_byte(self) -> u8 {
        self.0.as_u128() as u8
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sids_round_trip(bits: u128) {
            let sid = DeploymentKey::from_bits(bits);
            prop_assert_eq!(sid.to_string().parse::<DeploymentKey>().unwrap(), sid);
            let json = serde_json::to_string(&sid).unwrap();
            prop_assert_eq!(serde_json::from_str::<DeploymentKey>(&json).unwrap(), sid);
        }

        #[test]
        fn identities_round_trip(bytes: [u8; 16]) {
            let identity = Identity::from_random(bytes);
            prop_assert_eq!(identity.to_string().parse::<Identity>().unwrap(), identity);
        }

        #[test]
        fn session_ids_contain_the_time_of_their_creation(millis in 0u64..1 << 48, random: [u8; 10]) {
            let session = SessionId::begun_at(millis, &random);
            prop_assert_eq!(session.began_at(), Some(millis));
            prop_assert_eq!(session.last_byte(), random[9]);
            prop_assert_eq!(SessionId::from_random([7; 16]).began_at(), None);
        }

        #[test]
        fn parsers_never_panic(text in "\\PC*") {
            let _ = text.parse::<AccountSid>();
            let _ = text.parse::<Identity>();
        }

        #[test]
        fn near_misses_are_rejected(text in "(AC|CV|ac)[+-]?[0-9a-g]{30,33}") {
            let well_formed = text.len() == 34
                && text.starts_with("CV")
                && text.get(2..).unwrap().bytes().all(|b| b.is_ascii_hexdigit());
            prop_assert_eq!(text.parse::<DeploymentKey>().is_ok(), well_formed);
        }
    }

    #[test]
    fn digits_are_case_insensitive() {
        let lower: AccountSid = "AC0000000000000000000000000000abcd".parse().unwrap();
        let upper: AccountSid = "AC0000000000000000000000000000ABCD".parse().unwrap();
        assert_eq!(lower, upper);
        assert_eq!(upper.to_string(), "AC0000000000000000000000000000abcd");
    }

    #[test]
    fn account_ids_are_deterministic() {
        let sid: AccountSid = "AC00000000000000000000000000000001".parse().unwrap();
        assert_eq!(sid.account_id().to_string(), "da52ca3e-3797-5122-a441-9a6fc636cf1c");
        assert_eq!(sid.account_id().get_version_num(), 5);
    }
}
