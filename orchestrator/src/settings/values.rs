//! Types of this service's settings.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use service_runtime::settings::{BaseUrl, Expected, PASSWORD};
use shared_types::fingerprint::{FingerprintKeys, MalformedKeys};

use crate::handlers::desk::resources::MAX_HOST;

/// A base URL of at most `MAX_HOST` bytes: it is in every link of a response, whose size is bounded.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", inline, extend("expected" = Self::expected()))]
pub struct DeskUrl(BaseUrl);

impl DeskUrl {
    fn expected() -> String {
        format!("{}, of at most {MAX_HOST} characters", BaseUrl::EXPECTED)
    }
}

impl TryFrom<String> for DeskUrl {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        let url = BaseUrl::try_from(text).ok().filter(|url| url.as_str().len() <= MAX_HOST);
        url.map(Self).ok_or_else(|| Expected(Self::expected().into()))
    }
}

impl From<DeskUrl> for String {
    fn from(DeskUrl(url): DeskUrl) -> Self {
        url.into()
    }
}

/// The keys of fingerprints.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", inline, extend("format" = PASSWORD, "expected" = Self::EXPECTED))]
pub struct FingerprintSecret(Arc<FingerprintKeys>);

impl FingerprintSecret {
    const EXPECTED: &str = "one to four keys, comma separated, each of 32 or more bytes in base64url";
}

impl TryFrom<String> for FingerprintSecret {
    type Error = MalformedKeys;

    fn try_from(text: String) -> Result<Self, MalformedKeys> {
        FingerprintKeys::from_base64url(&text).map(|keys| Self(keys.into()))
    }
}

impl From<FingerprintSecret> for Arc<FingerprintKeys> {
    fn from(FingerprintSecret(keys): FingerprintSecret) -> Self {
        keys
    }
}
