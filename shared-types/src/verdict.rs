//! Types of JSON members with one possible value, such as `valid:true` and `authorized:false`. With them, a rejection never
//! parses as a success with a missing member, and vice versa.

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

constant!(Yes, true, "The JSON value `true`; any other is an error.");
constant!(No, false, "The JSON value `false`; any other is an error.");
