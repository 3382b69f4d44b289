//! An unverified token: opaque text. Only ScopedAuthService turns it into claims, with its keys and the current time.

use std::{borrow::Cow, fmt};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ids::DeploymentKey;

/// An unverified token. Its claims are not accessible, and `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedToken(String);

impl SealedToken {
    /// Maximum length of a token, in bytes. Issued tokens have about 700; grants may make them longer.
    pub const MAX_LEN: usize = 8 * 1024;

    /// Wraps `text`; `None` if it is empty or too long. Its syntax is not checked here, but on decryption or verification.
    pub fn new(text: String) -> Option<Self> {
        (!text.is_empty() && text.len() <= Self::MAX_LEN).then_some(Self(text))
    }

    /// The text, to forward, decrypt or verify. Never log it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The deployment that the token *claims* to be issued for: the last part of its `kid`, unverified.
    ///
    /// Routes without a `deploymentKey` in the body use it to look up the account's configuration; that `deploymentKey` is
    /// unverified input too. ScopedAuthService derives the token's key from the whole `kid`, so a token with a changed
    /// deployment is rejected.
    pub fn claimed_deployment(&self) -> Option<DeploymentKey> {
        #[derive(Deserialize)]
        struct Header<'a> {
            #[serde(borrow)]
            kid: Cow<'a, str>,
        }
        let header = URL_SAFE_NO_PAD.decode(self.0.split('.').next()?).ok()?;
        let header: Header<'_> = serde_json::from_slice(&header).ok()?;
        header.kid.rsplit('.').next()?.parse().ok()
    }
}

impl fmt::Debug for SealedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedToken(…)")
    }
}

impl Serialize for SealedToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SealedToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        SealedToken::new(String::deserialize(deserializer)?)
            .ok_or_else(|| de::Error::custom("expected a token of 1 to 8192 characters"))
    }
}

impl JsonSchema for SealedToken {
    fn schema_name() -> Cow<'static, str> {
        "SealedToken".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "An opaque token.", "minLength": 1, "maxLength": SealedToken::MAX_LEN })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn claimed_deployment_never_panics(text in "\\PC{1,80}") {
            let _ = SealedToken::new(text).unwrap().claimed_deployment();
        }
    }

    #[test]
    fn debug_does_not_print_the_token() {
        let token = SealedToken::new("secret".into()).unwrap();
        assert!(!format!("{token:?}").contains("secret"));
    }

    #[test]
    fn the_deployment_is_read_from_the_kid() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"kid":"k1.salt.CV00000000000000000000000000000001"}"#);
        let token = SealedToken::new(format!("{header}..iv.text.tag")).unwrap();
        assert_eq!(token.claimed_deployment(), Some(DeploymentKey::from_bits(1)));
        for text in ["x", "..", "e30..", "eyJraWQiOiJrMSJ9"] {
            assert_eq!(SealedToken::new(text.into()).unwrap().claimed_deployment(), None);
        }
    }
}
