//! Thumbprint of a proof key: SHA-256 of its public JWK (RFC 7638), as in the confirmation claim `jkt` (RFC 9449, section
//! 6.1).

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The thumbprint of a proof key: 32 bytes; 43 characters of base64url in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// The thumbprint with these bytes, a SHA-256 digest.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The text is not a thumbprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a thumbprint of 43 characters of base64url")]
pub struct MalformedThumbprint;

impl FromStr for Thumbprint {
    type Err = MalformedThumbprint;

    fn from_str(text: &str) -> Result<Self, MalformedThumbprint> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| MalformedThumbprint)?;
        bytes.try_into().map(Self).map_err(|_| MalformedThumbprint)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn thumbprints_round_trip(bytes: [u8; 32]) {
            let thumbprint = Thumbprint::from_bytes(bytes);
            let text = thumbprint.to_string();
            prop_assert_eq!(text.len(), 43);
            prop_assert_eq!(text.parse::<Thumbprint>().unwrap(), thumbprint);
        }
    }

    #[test]
    fn malformed_thumbprints_are_rejected() {
        for text in ["", "AAAA", "=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"] {
            assert_eq!(text.parse::<Thumbprint>(), Err(MalformedThumbprint));
        }
    }
}
