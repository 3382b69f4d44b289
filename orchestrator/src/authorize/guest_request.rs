//! `FWO ->> FWO: Reads the guest's request` (contract, section 13): method and URL of the request that a proxy asks about.
//! nginx, Traefik, Caddy and APISIX report both in headers, Envoy in the request line of its own request.
//!
//! A guest can send every one of these headers too. So there must be exactly one complete report: one family of headers,
//! each header once, and no family beside a path behind the prefix. Anything else is a 400, never a choice between two
//! reports: DPoP's `htm` and `htu` are compared with this one.

use service_runtime::RequestContext;

use super::{Malformed, path_behind};
use crate::{
    admission::client_address::elements_from_right,
    dpop::{PublicUrls, Target},
};

const FORWARDED_METHOD: &str = "x-forwarded-method";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_URI: &str = "x-forwarded-uri";
const ORIGINAL_METHOD: &str = "x-original-method";
const ORIGINAL_URL: &str = "x-original-url";
const HOST: &str = "host";

/// The headers that make a family. `X-Forwarded-Proto` and `-Host` do not: many proxies add them.
const FORWARDED: [&str; 2] = [FORWARDED_METHOD, FORWARDED_URI];
const ORIGINAL: [&str; 2] = [ORIGINAL_METHOD, ORIGINAL_URL];

/// All headers that report a request, or a part of one.
const REPORTS: [&str; 6] =
    [FORWARDED_METHOD, FORWARDED_PROTO, FORWARDED_HOST, FORWARDED_URI, ORIGINAL_METHOD, ORIGINAL_URL];

/// The guest's request, as its proxy reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// `http` or `https`.
    scheme: &'static str,
    /// Host, and port if it is not the scheme's.
    authority: &'a str,
    /// The path, without query.
    path: &'a str,
}

impl<'a> GuestRequest<'a> {
    /// Reads the report of the proxy. `public_urls` have the scheme of a request that is reported by its request line.
    pub fn read(context: &RequestContext<'a>, public_urls: &PublicUrls) -> Result<Self, Malformed> {
        context.step("Reads the guest's request");
        if let Some(path) = path_behind(context.path) {
            return Self::of_request_line(context, path, public_urls);
        }
        let has_any = |family: [&str; 2]| family.iter().any(|name| context.header(*name).is_some());
        match (has_any(FORWARDED), has_any(ORIGINAL)) {
            (true, false) => Self::forwarded(context),
            (false, true) => Self::original(context),
            (true, true) => {
                Err(malformed(ORIGINAL_METHOD, "expected no `x-forwarded-…` beside `x-original-…`"))
            }
            (false, false) => Err(malformed(
                FORWARDED_METHOD,
                "expected it with `x-forwarded-uri`, or `x-original-method` with `x-original-url`",
            )),
        }
    }

    /// The URL of the request, for `htu` and the page's origin. The public URLs are this service's, not the guest's target.
    pub fn target(&self) -> Target<'a> {
        Target {
            public_urls: PublicUrls::none(),
            authority: Some(self.authority.as_bytes()),
            scheme: Some(self.scheme.as_bytes()),
            path: self.path,
        }
    }

    fn forwarded(context: &RequestContext<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            method: method(FORWARDED_METHOD, only_value(context, FORWARDED_METHOD)?)?,
            scheme: scheme(FORWARDED_PROTO, common_element(context, FORWARDED_PROTO)?)?,
            authority: authority(FORWARDED_HOST, common_element(context, FORWARDED_HOST)?)?,
            path: path(FORWARDED_URI, only_value(context, FORWARDED_URI)?)?,
        })
    }

    fn original(context: &RequestContext<'a>) -> Result<Self, Malformed> {
        let method = method(ORIGINAL_METHOD, only_value(context, ORIGINAL_METHOD)?)?;
        let expected = malformed(ORIGINAL_URL, "expected a URL such as `https://api.example.com/path`");
        let url = only_value(context, ORIGINAL_URL)?;
        let colon = url.iter().position(|byte| *byte == b':').ok_or(expected)?;
        let (scheme_part, rest) = url.split_at_checked(colon).ok_or(expected)?;
        let rest = rest.strip_prefix(b"://").ok_or(expected)?;
        let slash = rest.iter().position(|byte| *byte == b'/').ok_or(expected)?;
        let (authority_part, path_part) = rest.split_at_checked(slash).ok_or(expected)?;
        Ok(Self {
            method,
            scheme: scheme(ORIGINAL_URL, scheme_part)?,
            authority: authority(ORIGINAL_URL, authority_part)?,
            path: path(ORIGINAL_URL, path_part)?,
        })
    }

    fn of_request_line(
        context: &RequestContext<'a>,
        path_behind: &'a str,
        public_urls: &PublicUrls,
    ) -> Result<Self, Malformed> {
        if let Some(name) = REPORTS.into_iter().find(|name| context.header(*name).is_some()) {
            return Err(malformed(name, "expected none, since a path follows the prefix"));
        }
        let authority = authority(HOST, only_value(context, HOST)?)?;
        Ok(Self {
            method: context.method,
            scheme: public_urls.scheme_of(authority).unwrap_or("https"),
            authority,
            path: path("path", path_behind.as_bytes())?,
        })
    }
}

const fn malformed(field: &'static str, reason: &'static str) -> Malformed {
    Malformed { field, reason }
}

/// The value of a header that must be there exactly once.
fn only_value<'a>(context: &RequestContext<'a>, name: &'static str) -> Result<&'a [u8], Malformed> {
    let mut values = context.header_values(name);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(malformed(name, "expected a value")),
        (Some(_), Some(_)) => Err(malformed(name, "expected one value")),
    }
}

/// The element of a list header that each proxy may have appended to. Elements that differ are two reports.
fn common_element<'a>(context: &RequestContext<'a>, name: &'static str) -> Result<&'a [u8], Malformed> {
    let mut elements = elements_from_right(context, name);
    let first = elements.next().ok_or(malformed(name, "expected a value"))?;
    let agree = elements.all(|other| other.eq_ignore_ascii_case(first));
    agree.then_some(first).ok_or(malformed(name, "expected the same value of each proxy"))
}

/// A method: a token (RFC 9110, section 9.1), which is case-sensitive.
fn method<'a>(field: &'static str, value: &'a [u8]) -> Result<&'a str, Malformed> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let method = str::from_utf8(value).ok().filter(|text| !text.is_empty() && value.iter().all(is_token));
    method.ok_or(malformed(field, "expected a method"))
}

/// A scheme. Traefik reports the handshake of a WebSocket as `ws` or `wss`.
fn scheme(field: &'static str, value: &[u8]) -> Result<&'static str, Malformed> {
    let is = |names: [&str; 2]| names.iter().any(|name| value.eq_ignore_ascii_case(name.as_bytes()));
    if is(["https", "wss"]) {
        Ok("https")
    } else if is(["http", "ws"]) {
        Ok("http")
    } else {
        Err(malformed(field, "expected the scheme http or https"))
    }
}

/// A host with or without a port. No user info, and nothing that a URL parser would take for more than a host.
fn authority<'a>(field: &'static str, value: &'a [u8]) -> Result<&'a str, Malformed> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(byte);
    let text = str::from_utf8(value).ok().filter(|_| value.iter().all(is_plain));
    let is_host = |text: &&str| url::Url::parse(&format!("https://{text}/")).is_ok();
    text.filter(is_host).ok_or(malformed(field, "expected a host"))
}

/// The path of a request target in origin form (RFC 9112, section 3.2.1), without its query. A `#` would end the path for
/// some servers and not for others.
fn path<'a>(field: &'static str, target: &'a [u8]) -> Result<&'a str, Malformed> {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let is_plain = path.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#');
    let path = str::from_utf8(path).ok().filter(|path| is_plain && path.starts_with('/'));
    path.ok_or(malformed(field, "expected a path that begins with `/`"))
}

#[cfg(test)]
mod tests;
