//! A token as it travels: opaque text. Only ScopedAuthService can turn it into claims, given keys and a time.

use std::{borrow::Cow, fmt};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ids::DeploymentKey;

/// A token that nobody has checked. It has no readable claims and does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedToken(String);

impl SealedToken {
    /// The longest text that is taken for a token. Ours have about 700 characters; grants may make them longer.
    pub const MAX_LEN: usize = 8 * 1024;

    /// Takes `text` as a token, unless it is empty or over-long. Whether it *is* one shows when it is opened.
    pub fn new(text: String) -> Option<Self> {
        (!text.is_empty() && text.len() <= Self::MAX_LEN).then_some(Self(text))
    }

    /// The text, to be sent on or opened; never to be logged.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The deployment that the token *says* it was made for, read from the last part of its `kid` without any proof.
    ///
    /// Routes that bring nothing but a token find the account's configuration by it, as the other routes find it by
    /// the `deploymentKey` of their body, which is a stranger's word too. ScopedAuthService derives the key that
    /// opens the token from the whole `kid`, so a token with another deployment written into it does not open.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{1,80}") {
            let _ = SealedToken::new(text).unwrap().claimed_deployment();
        }
    }

    #[test]
    fn a_token_does_not_print() {
        let token = SealedToken::new("secret".into()).unwrap();
        assert!(!format!("{token:?}").contains("secret"));
    }

    #[test]
    fn the_deployment_stands_in_the_kid() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"kid":"k1.salt.CV00000000000000000000000000000001"}"#);
        let token = SealedToken::new(format!("{header}..iv.text.tag")).unwrap();
        assert_eq!(token.claimed_deployment(), Some(DeploymentKey::from_bits(1)));
        for text in ["x", "..", "e30..", "eyJraWQiOiJrMSJ9"] {
            assert_eq!(SealedToken::new(text.into()).unwrap().claimed_deployment(), None);
        }
    }
}
