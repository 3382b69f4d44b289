//! `valid:true`, `authorized:false`: members that can hold only one value, so that a refusal can never be read as a
//! consent that lacks a field, nor the other way round.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! constant {
    ($name:ident, $value:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name;

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bool($value)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if bool::deserialize(deserializer)? == $value {
                    Ok(Self)
                } else {
                    Err(de::Error::custom(concat!("expected ", $value)))
                }
            }
        }
    };
}

constant!(Yes, true, "The JSON value `true`, and no other.");
constant!(No, false, "The JSON value `false`, and no other.");
