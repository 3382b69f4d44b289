//! JSON objects without duplicate names (RFC 7519, section 4).

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        self, DeserializeSeed, MapAccess,
        value::{BorrowedStrDeserializer, MapAccessDeserializer},
    },
};

/// A `T` from a JSON object whose members all have different names, written without escapes.
pub(super) struct UniqueNames<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for UniqueNames<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Object<T> {
            type Value = UniqueNames<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<UniqueNames<T>, A::Error> {
                let members = Members { map, names: Vec::with_capacity(16) };
                T::deserialize(MapAccessDeserializer::new(members)).map(UniqueNames)
            }
        }
        deserializer.deserialize_map(Object(PhantomData))
    }
}

/// The members of an object; a duplicate name is an error.
struct Members<'de, A> {
    map: A,
    names: Vec<&'de str>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(name) = self.map.next_key::<&'de str>()? else { return Ok(None) };
        if self.names.contains(&name) {
            return Err(de::Error::custom("duplicate name"));
        }
        self.names.push(name);
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}
