//! The URL of a request, which the page names in `htu`. Behind Starship this service does not see the URL that the page
//! requested: it is configured, or derived from the request's headers.

use std::{
    str::FromStr,
    sync::{Arc, LazyLock},
};

use schemars::JsonSchema;
use serde::Deserialize;
use service_runtime::RequestContext;
use url::Url;

use crate::admission::client_address::elements_from_right;

const PUBLIC_URLS: &str =
    "URLs such as https://chat.example.com, comma separated, without query, fragment and user name";

/// The URLs under which pages reach this service: `https://chat.example.com`, with the path prefix that Starship strips,
/// if any. If empty, the request's headers decide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String", inline, extend("expected" = PUBLIC_URLS))]
pub struct PublicUrls(Arc<[Url]>);

/// A malformed list of public URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {PUBLIC_URLS}")]
pub struct MalformedPublicUrls;

/// The URL of one request.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The configured URLs.
    pub public_urls: &'a PublicUrls,
    /// Host and port of the request, used if no URL is configured.
    pub authority: Option<&'a [u8]>,
    /// `http` or `https`, if known; used if no URL is configured.
    pub scheme: Option<&'a [u8]>,
    /// The path as received, without query: `/v2/Webchat/Token`.
    pub path: &'a str,
}

impl FromStr for PublicUrls {
    type Err = MalformedPublicUrls;

    fn from_str(list: &str) -> Result<Self, MalformedPublicUrls> {
        let entries = list.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let urls = entries.map(|entry| {
            let url = http_url(entry).filter(|url| url.query().is_none() && url.fragment().is_none());
            url.ok_or(MalformedPublicUrls)
        });
        urls.collect::<Result<Vec<_>, _>>().map(|urls| Self(urls.into()))
    }
}

impl TryFrom<String> for PublicUrls {
    type Error = MalformedPublicUrls;

    fn try_from(list: String) -> Result<Self, MalformedPublicUrls> {
        list.parse()
    }
}

impl PublicUrls {
    /// No URLs: the URL of a request is known otherwise.
    pub(crate) fn none() -> &'static Self {
        static NONE: LazyLock<PublicUrls> = LazyLock::new(PublicUrls::default);
        &NONE
    }

    /// The scheme of the configured URL with this host and port, if there is one. With both, `https`.
    pub(crate) fn scheme_of(&self, authority: &str) -> Option<&'static str> {
        ["https", "http"].into_iter().find(|scheme| {
            let requested = http_url(&format!("{scheme}://{authority}")).map(|url| url.origin());
            self.0.iter().any(|base| Some(base.origin()) == requested)
        })
    }
}

impl<'a> Target<'a> {
    /// The target of a request for `path` that passed `trusted_hops` trusted proxies. `X-Forwarded-Host` and
    /// `X-Forwarded-Proto` count only if there is a trusted proxy: headers of the page itself would prove nothing, since
    /// they are compared with what the page claims.
    ///
    /// Both may be lists that each proxy appends to. The host is the one reported by the proxy nearest to the browser.
    /// If proxies report different schemes, it is unknown: some append the scheme of their own hop, others replace it.
    pub fn of_request(
        context: &RequestContext<'a>,
        path: &'a str,
        public_urls: &'a PublicUrls,
        trusted_hops: usize,
    ) -> Self {
        let hosts = elements_from_right(context, "x-forwarded-host").take(trusted_hops);
        let schemes = (trusted_hops > 0).then(|| elements_from_right(context, "x-forwarded-proto"));
        let scheme = schemes.and_then(common_value);
        Self { public_urls, authority: hosts.last().or_else(|| context.header("host")), scheme, path }
    }

    /// The origins that the target can have: several if several URLs are configured, or if the scheme is unknown.
    pub(crate) fn origins(&self) -> Vec<String> {
        if !self.public_urls.0.is_empty() {
            return self.public_urls.0.iter().map(|base| base.origin().ascii_serialization()).collect();
        }
        let known = self.scheme.map_or(Some("https"), |scheme| str::from_utf8(scheme).ok());
        let schemes = known.into_iter().chain(self.scheme.is_none().then_some("http"));
        let authority = self.authority.and_then(|authority| str::from_utf8(authority).ok());
        let urls = schemes.filter_map(|scheme| http_url(&format!("{scheme}://{}", authority?)));
        urls.filter(|url| url.path() == "/").map(|url| url.origin().ascii_serialization()).collect()
    }

    /// Whether `htu` names this target: compared as URLs (RFC 3986, section 6.2.2 and 6.2.3), without query and fragment
    /// (RFC 9449, section 4.3). Paths are compared byte by byte: no route of this service needs escapes.
    pub(crate) fn is_named_by(&self, htu: &str) -> bool {
        let Some(named) = http_url(htu) else { return false };
        if !self.public_urls.0.is_empty() {
            return self.public_urls.0.iter().any(|base| {
                let path = named.path().strip_prefix(base.path().trim_end_matches('/'));
                base.origin() == named.origin() && path == Some(self.path)
            });
        }
        // With an unknown scheme the page's own is accepted: the proof is as strong with either.
        let scheme = match self.scheme.map(str::from_utf8) {
            None => named.scheme(),
            Some(Ok(scheme)) => scheme,
            Some(Err(_)) => return false,
        };
        let authority = self.authority.and_then(|authority| str::from_utf8(authority).ok());
        let requested = authority.and_then(|authority| http_url(&format!("{scheme}://{authority}")));
        requested.is_some_and(|requested| {
            requested.path() == "/" && requested.origin() == named.origin() && named.path() == self.path
        })
    }
}

/// The value that all elements have, if they agree.
fn common_value<'a>(mut elements: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    let first = elements.next()?;
    elements.all(|other| other.eq_ignore_ascii_case(first)).then_some(first)
}

/// Parses an HTTP URL without user info. The parser tolerates whitespace and control characters, which are rejected here.
fn http_url(text: &str) -> Option<Url> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    let url = Url::parse(text).ok().filter(|_| plain)?;
    let anonymous = url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && anonymous).then_some(url)
}
