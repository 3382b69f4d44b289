//! Grants: what a token permits its bearer. Between services they are an array of objects tagged by `type`; in a token, an
//! object keyed by product, which also has the identity (contract, section 7).

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, value::MapAccessDeserializer},
    ser::SerializeMap,
};
use serde_json::{Map, Value};

use crate::ids::{AddressSid, ConversationsServiceSid, DeploymentKey, Identity};

/// One grant. Unknown types are kept unchanged, so that they survive a refresh.
#[derive(Clone, Debug, PartialEq)]
pub enum Grant {
    /// `{"type":"webchat","address_sid":"IG…","deployment_key":"CV…"}`
    Webchat(Webchat),
    /// `{"type":"chat","service_sid":"IS…"}`
    Chat(Chat),
    /// Any other object with a `type`: its type and its other members, unchanged.
    Other(String, Map<String, Value>),
}

/// The grants of a token, no two of one type.
pub type Grants = Vec<Grant>;

/// Permission to open a conversation at an address, through a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webchat {
    /// The address that the conversation arrives at.
    pub address_sid: AddressSid,
    /// The deployment that the token was issued for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_key: Option<DeploymentKey>,
}

/// Permission to write in the conversations service of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// The service.
    pub service_sid: ConversationsServiceSid,
}

impl Grant {
    /// The grant's type: its `type` between services, its key in a token.
    pub fn product(&self) -> &str {
        match self {
            Grant::Webchat(_) => "webchat",
            Grant::Chat(_) => "chat",
            Grant::Other(product, _) => product,
        }
    }

    fn from_parts(product: String, fields: Map<String, Value>) -> Result<Self, serde_json::Error> {
        Ok(match product.as_str() {
            "webchat" => Grant::Webchat(serde_json::from_value(fields.into())?),
            "chat" => Grant::Chat(serde_json::from_value(fields.into())?),
            _ => Grant::Other(product, fields),
        })
    }
}

/// The format between services: `{"type":…, …}`.
impl Serialize for Grant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.product())?;
        match self {
            Grant::Webchat(webchat) => {
                map.serialize_entry("address_sid", &webchat.address_sid)?;
                if let Some(deployment_key) = &webchat.deployment_key {
                    map.serialize_entry("deployment_key", deployment_key)?;
                }
            }
            Grant::Chat(chat) => map.serialize_entry("service_sid", &chat.service_sid)?,
            Grant::Other(_, fields) => {
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
            }
        }
        map.end()
    }
}

/// Parses a grant of a known type directly if `type` is the first member, as the services write it. In any other order,
/// the members are collected first.
impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tagged;

        impl<'de> de::Visitor<'de> for Tagged {
            type Value = Grant;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a grant with a `type`")
            }

            fn visit_map<M: de::MapAccess<'de>>(self, mut map: M) -> Result<Grant, M::Error> {
                let mut fields = Map::new();
                let mut name = map.next_key::<Name<'_>>()?;
                if name.as_ref().is_some_and(|Name(name)| name == "type") {
                    let Name(product) = map.next_value()?;
                    let rest = MapAccessDeserializer::new(&mut map);
                    match &*product {
                        "webchat" => {
                            return Webchat::deserialize(rest).map(Grant::Webchat).map_err(malformed);
                        }
                        "chat" => return Chat::deserialize(rest).map(Grant::Chat).map_err(malformed),
                        _ => {}
                    }
                    fields.insert("type".to_owned(), Value::String(product.into_owned()));
                    name = map.next_key()?;
                }
                while let Some(Name(other)) = name {
                    fields.insert(other.into_owned(), map.next_value()?);
                    name = map.next_key()?;
                }
                let Some(Value::String(product)) = fields.shift_remove("type") else {
                    return Err(de::Error::custom("expected a grant with a `type`"));
                };
                Grant::from_parts(product, fields).map_err(malformed)
            }
        }

        deserializer.deserialize_map(Tagged)
    }
}

/// A string, borrowed from the input if it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The error does not repeat the input.
fn malformed<E: de::Error>(_: impl fmt::Display) -> E {
    E::custom("expected a grant whose members match its `type`")
}

/// The claim `grants` of a token: `{"identity":…, "webchat":{…}, "chat":{…}}`.
#[derive(Clone, Debug, PartialEq)]
pub struct GrantsClaim {
    /// The guest's identity in the chat.
    pub identity: Identity,
    /// The grants, by product.
    pub grants: Grants,
}

impl Serialize for GrantsClaim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1 + self.grants.len()))?;
        map.serialize_entry("identity", &self.identity)?;
        for grant in &self.grants {
            match grant {
                Grant::Webchat(fields) => map.serialize_entry(grant.product(), fields)?,
                Grant::Chat(fields) => map.serialize_entry(grant.product(), fields)?,
                Grant::Other(_, fields) => map.serialize_entry(grant.product(), fields)?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for GrantsClaim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByProduct;

        impl<'de> de::Visitor<'de> for ByProduct {
            type Value = GrantsClaim;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an identity and an object for each product")
            }

            fn visit_map<M: de::MapAccess<'de>>(self, mut map: M) -> Result<GrantsClaim, M::Error> {
                let (mut identity, mut grants) = (None, Grants::with_capacity(2));
                while let Some(Name(product)) = map.next_key()? {
                    match &*product {
                        "identity" => identity = Some(map.next_value()?),
                        "webchat" => grants.push(Grant::Webchat(map.next_value()?)),
                        "chat" => grants.push(Grant::Chat(map.next_value()?)),
                        _ => grants.push(Grant::Other(product.into_owned(), map.next_value()?)),
                    }
                }
                let identity = identity.ok_or_else(|| de::Error::missing_field("identity"))?;
                Ok(GrantsClaim { identity, grants })
            }
        }

        deserializer.deserialize_map(ByProduct)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wire() -> Value {
        json!([
            {"type": "webchat", "address_sid": "IG00000000000000000000000000000001"},
            {"type": "chat", "service_sid": "IS00000000000000000000000000000001"},
            {"type": "video", "room": {"name": "r"}, "list": [1, 2]},
        ])
    }

    #[test]
    fn unknown_types_survive_both_formats() {
        let grants: Grants = serde_json::from_value(wire()).unwrap();
        let claim = GrantsClaim { identity: Identity::from_random([7; 16]), grants };
        let in_token = serde_json::to_value(&claim).unwrap();
        assert_eq!(in_token["video"], json!({"room": {"name": "r"}, "list": [1, 2]}));
        assert_eq!(in_token["webchat"], json!({"address_sid": "IG00000000000000000000000000000001"}));
        let back: GrantsClaim = serde_json::from_value(in_token).unwrap();
        assert_eq!(back.identity, claim.identity);
        for grant in &claim.grants {
            assert!(back.grants.contains(grant));
        }
        assert_eq!(serde_json::to_value(&claim.grants).unwrap(), wire());
    }

    #[test]
    fn the_type_may_be_at_any_position() {
        for text in [
            r#"{"type":"webchat","address_sid":"IG00000000000000000000000000000001"}"#,
            r#"{"address_sid":"IG00000000000000000000000000000001","type":"webchat"}"#,
            r#"{"\u0074ype":"web\u0063hat","address_sid":"IG00000000000000000000000000000001"}"#,
        ] {
            let grant: Grant = serde_json::from_str(text).unwrap();
            assert!(matches!(grant, Grant::Webchat(_)), "{text}");
        }
        let other: Grant = serde_json::from_str(r#"{"b":1,"type":"video","a":2}"#).unwrap();
        assert_eq!(serde_json::to_string(&other).unwrap(), r#"{"type":"video","b":1,"a":2}"#);
    }

    #[test]
    fn malformed_grants_are_rejected() {
        for grant in [
            json!({"type": "webchat"}),
            json!({"type": "chat", "service_sid": "IS1"}),
            json!({"a": 1}),
            json!(1),
        ] {
            assert!(serde_json::from_value::<Grant>(grant).is_err());
        }
    }
}
