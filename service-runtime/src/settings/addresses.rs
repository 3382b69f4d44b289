//! Addresses and URLs.

use std::net::{Ipv4Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::Expected;

/// An address to listen on, or of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("expected" = Self::EXPECTED))]
pub struct Address(pub SocketAddr);

impl Address {
    /// The form of an address.
    pub const EXPECTED: &str = "an IP address and a port, such as 127.0.0.1:8080";

    /// A port on the loopback address.
    pub const fn local(port: u16) -> Self {
        Self(SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }
}

impl TryFrom<String> for Address {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        text.parse().map(Self).map_err(|_| Self::EXPECTED.into())
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0.to_string()
    }
}

/// The base URL of a service: `http` or `https`, a host, no path; without the trailing slash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(inline, extend("expected" = Self::EXPECTED))]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The form of a base URL.
    pub const EXPECTED: &str = "a URL such as http://127.0.0.1:8081, without a path";

    /// A port on the loopback address.
    pub fn local(port: u16) -> Self {
        Self(format!("http://{}", Address::local(port).0))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        let url = Url::parse(&text).map_err(|_| Self::EXPECTED)?;
        let is_plain = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty();
        if is_plain {
            Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
        } else {
            Err(Self::EXPECTED.into())
        }
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.0
    }
}

/// An identifier that is a URL: `http` or `https`, a host, and at most a path (RFC 8414, section 2). Unchanged, since
/// identifiers are compared byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline, extend("expected" = Self::EXPECTED))]
pub struct UrlIdentifier(String);

impl UrlIdentifier {
    const EXPECTED: &str =
        "a URL such as https://chat.example.com, of at most 200 characters, without a query";
}

impl TryFrom<String> for UrlIdentifier {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        let is_identifier = |url: Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        };
        let is_plain = text.len() <= 200 && text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_plain && Url::parse(&text).is_ok_and(is_identifier) {
            Ok(Self(text))
        } else {
            Err(Self::EXPECTED.into())
        }
    }
}

impl From<UrlIdentifier> for String {
    fn from(url: UrlIdentifier) -> Self {
        url.0
    }
}
