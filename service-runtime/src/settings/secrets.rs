//! Types of secrets. Their schema's format is a password's, which allows `…_FILE`.

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Expected, PASSWORD};
use crate::http::ServiceCredential;

/// The accepted secrets of callers, comma separated; each could be a [`ServiceCredential`]. Empty if it is not set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", inline, extend("format" = PASSWORD, "expected" = Self::EXPECTED))]
pub struct SecretList(Vec<SecretString>);

impl SecretList {
    const EXPECTED: &str =
        "one or more, comma separated, each of 16 characters or more of printable ASCII without spaces";

    /// The secrets.
    pub fn into_secrets(self) -> Vec<SecretString> {
        self.0
    }
}

impl TryFrom<String> for SecretList {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        let each = text.split(',').map(str::trim).filter(|one| !one.is_empty());
        let secrets: Vec<_> = each.map(SecretString::from).collect();
        let is_valid = |secret| ServiceCredential::new(secret).is_some();
        if secrets.is_empty() || !secrets.iter().all(is_valid) {
            return Err(Self::EXPECTED.into());
        }
        Ok(Self(secrets))
    }
}

impl TryFrom<String> for ServiceCredential {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        Self::new(&SecretString::from(text)).ok_or_else(|| Self::EXPECTED.into())
    }
}
