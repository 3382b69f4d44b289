//! Where a call was made, as the page names it in `htu`. Behind Starship this service does not see the URL that the
//! page called: it is configured, or else it is what the call's own headers say.

use std::{str::FromStr, sync::Arc};

use service_runtime::RequestContext;
use url::Url;

use crate::client_address::elements_from_right;

/// The URLs under which pages reach this service: `https://chat.example.com`, with a path where Starship takes one
/// away. None: the headers say it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PublicUrls(Arc<[Url]>);

/// A list that cannot be taken for public URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected URLs such as https://chat.example.com, comma separated, without query, fragment and user name"
)]
pub struct MalformedPublicUrls;

/// Where one call was made.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The configured URLs.
    pub public_urls: &'a PublicUrls,
    /// Host and port that the call names, looked at where no URL is configured.
    pub authority: Option<&'a [u8]>,
    /// `http` or `https`, as far as that is known; looked at where no URL is configured.
    pub scheme: Option<&'a [u8]>,
    /// The path as it arrived, without query: `/v2/Webchat/Token`.
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

impl<'a> Target<'a> {
    /// The target of a call for `path` that passed `trusted_hops` trusted proxies. `X-Forwarded-Host` and
    /// `X-Forwarded-Proto` count only where there is one; a page's own would be worth nothing, since it is against the
    /// page's claim that they are held.
    ///
    /// Both may be lists, to which each proxy adds. The host is the one that the proxy nearest to the browser reports.
    /// Proxies that report different schemes leave it unknown: some add the scheme of their own hop, others replace it.
    pub fn of_call(
        call: &RequestContext<'a>,
        path: &'a str,
        public_urls: &'a PublicUrls,
        trusted_hops: usize,
    ) -> Self {
        let hosts = elements_from_right(call, "x-forwarded-host").take(trusted_hops);
        let schemes = (trusted_hops > 0).then(|| elements_from_right(call, "x-forwarded-proto"));
        let scheme = schemes.and_then(agreed);
        Self { public_urls, authority: hosts.last().or_else(|| call.header("host")), scheme, path }
    }

    /// Whether `htu` names it: compared as URLs (RFC 3986, section 6.2.2 and 6.2.3), without query and fragment (RFC
    /// 9449, section 4.3). Paths are compared as they are written: none of ours has anything to escape.
    pub(super) fn is_named_by(&self, htu: &str) -> bool {
        let Some(named) = http_url(htu) else { return false };
        if !self.public_urls.0.is_empty() {
            return self.public_urls.0.iter().any(|base| {
                let path = named.path().strip_prefix(base.path().trim_end_matches('/'));
                base.origin() == named.origin() && path == Some(self.path)
            });
        }
        // Where nobody says which of the two it was, the page may: it proves no less with either.
        let scheme = match self.scheme.map(str::from_utf8) {
            None => named.scheme(),
            Some(Ok(scheme)) => scheme,
            Some(Err(_)) => return false,
        };
        let authority = self.authority.and_then(|authority| str::from_utf8(authority).ok());
        let called = authority.and_then(|authority| http_url(&format!("{scheme}://{authority}")));
        called.is_some_and(|called| {
            called.path() == "/" && called.origin() == named.origin() && named.path() == self.path
        })
    }
}

/// What all of them say.
fn agreed<'a>(mut elements: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
    let first = elements.next()?;
    elements.all(|other| other.eq_ignore_ascii_case(first)).then_some(first)
}

/// The URL that `text` is, if it is one of HTTP and names nobody. The parser forgives blanks and controls, which no
/// URL has.
fn http_url(text: &str) -> Option<Url> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    let url = Url::parse(text).ok().filter(|_| plain)?;
    let anonymous = url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && anonymous).then_some(url)
}
