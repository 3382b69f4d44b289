//! Parses the JSON of a JWT. Duplicate members are rejected at every depth (RFC 7515, section 4; RFC 7519, section 4).
//! Unknown members are ignored.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};

/// Maximum number of members, more than any proof has: the search for duplicates takes quadratic time.
const MAX_MEMBERS: usize = 32;

/// A value of one of the types that a proof uses.
pub(super) enum Json {
    Text(String),
    Number(f64),
    Object(Object),
    Other,
}

/// An object without duplicate members.
pub(super) struct Object(Vec<(String, Json)>);

impl Object {
    /// Parses an object. `None` if `bytes` are anything else, or more follows.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        match serde_json::from_slice(bytes) {
            Ok(Json::Object(object)) => Some(object),
            Ok(Json::Text(_) | Json::Number(_) | Json::Other) | Err(_) => None,
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.find(name)? {
            Json::Text(text) => Some(text),
            Json::Number(_) | Json::Object(_) | Json::Other => None,
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        match self.find(name)? {
            Json::Number(number) => Some(*number),
            Json::Text(_) | Json::Object(_) | Json::Other => None,
        }
    }

    pub(super) fn object(&self, name: &str) -> Option<&Object> {
        match self.find(name)? {
            Json::Object(object) => Some(object),
            Json::Text(_) | Json::Number(_) | Json::Other => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate members")
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Number(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        while elements.next_element::<Json>()?.is_some() {}
        Ok(Json::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = Object(Vec::new());
        while let Some(name) = members.next_key::<String>()? {
            if object.0.len() == MAX_MEMBERS || object.find(&name).is_some() {
                return Err(A::Error::custom("duplicate member, or too many members"));
            }
            object.0.push((name, members.next_value()?));
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_name_and_type() {
        let object =
            Object::parse(br#" {"a":"x","b":1.5,"c":{"d":-2},"e":[null,{"f":true}],"g":3} "#).unwrap();
        assert_eq!(object.text("a"), Some("x"));
        assert_eq!((object.number("b"), object.number("g")), (Some(1.5), Some(3.0)));
        assert_eq!(object.object("c").unwrap().number("d"), Some(-2.0));
        assert!(object.find("e").is_some() && object.find("h").is_none());
        assert!(object.text("b").is_none() && object.number("a").is_none() && object.object("a").is_none());
    }

    #[test]
    fn other_values_and_duplicate_members_are_rejected() {
        for json in [
            "",
            "[]",
            "1",
            "null",
            "\"a\"",
            "{",
            "{} {}",
            "{}x",
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"{"a":[{"b":1,"b":1}]}"#,
            r#"{"a":1e999}"#,
        ] {
            assert!(Object::parse(json.as_bytes()).is_none(), "{json}");
        }
        assert!(Object::parse(b"{\"a\":\"\xff\"}").is_none());
        assert!(Object::parse("[".repeat(4096).as_bytes()).is_none());
        let of = |members: usize| {
            let members: Vec<_> = (0..members).map(|n| format!("\"{n}\":0")).collect();
            Object::parse(format!("{{{}}}", members.join(",")).as_bytes())
        };
        assert!(of(MAX_MEMBERS).is_some() && of(MAX_MEMBERS + 1).is_none());
    }
}
