//! The origins whose pages may use a deployment (contract, section 5): parses and normalises the operator's list, and
//! matches a request's `Origin` against it. `cors` decides what follows.

use std::sync::Arc;

use url::{Host, Url};

/// Separates entries. No origin contains a space.
const SEPARATOR: &str = ", ";

/// The origins of a deployment, in list order, without duplicates. The empty list allows every origin; `cors` handles
/// that case, [`allows`](Self::allows) only matches entries.
///
/// One allocation that all clones share: the normalised entries, comma separated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Arc<str>);

/// A malformed entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct MalformedOrigin {
    /// Its index in the list, from 0.
    pub index: usize,
    /// One line for the operator, which repeats the entry.
    pub reason: String,
}

impl AllowedOrigins {
    /// Maximum number of entries, as in Twilio's console.
    pub const MAX_ENTRIES: usize = 10;

    /// Parses a list of entries: `https://shop.example.com`, `http://localhost:8090`, `https://*.example.com`,
    /// `capacitor://localhost`, `null`.
    ///
    /// Upper case, a default port, one trailing slash and non-ASCII letters are normalised to the form that browsers send.
    ///
    /// # Errors
    ///
    /// The first malformed entry, or the eleventh entry.
    pub fn parse<S: AsRef<str>>(list: &[S]) -> Result<Self, MalformedOrigin> {
        if list.len() > Self::MAX_ENTRIES {
            let reason =
                format!("{} allowed origins; at most {} can be listed", list.len(), Self::MAX_ENTRIES);
            return Err(MalformedOrigin { index: Self::MAX_ENTRIES, reason });
        }
        let mut entries: Vec<String> = Vec::with_capacity(list.len());
        for (index, text) in list.iter().map(AsRef::as_ref).enumerate() {
            let entry = normalised(text).map_err(|fault| MalformedOrigin {
                index,
                reason: format!("allowed origin {text:?} {fault}"),
            })?;
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        Ok(Self(entries.join(SEPARATOR).into()))
    }

    /// Whether the list has no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this `Origin` header value is on the list. Compared byte by byte: browsers serialise an origin in one way
    /// (RFC 6454, section 6.2), so another spelling is not from a browser.
    pub fn allows(&self, origin: &[u8]) -> bool {
        self.entries().any(|entry| matches(entry, origin))
    }

    /// The list, comma separated: `https://a.example, https://*.b.example`.
    pub fn joined(&self) -> &str {
        &self.0
    }

    /// The entries, normalised.
    pub fn entries(&self) -> impl Iterator<Item = &str> {
        // No entry is empty; the list may be.
        self.0.split(SEPARATOR).filter(|entry| !entry.is_empty())
    }
}

/// An entry in the form that browsers send. The error completes the sentence "allowed origin … ".
fn normalised(text: &str) -> Result<String, String> {
    match text {
        "null" => return Ok(text.to_owned()),
        "*" => return Err("would allow every site; use an empty list for that".to_owned()),
        _ => {}
    }
    // Url::parse silently drops some of these, so the entry would not mean what it shows.
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("contains a space or a control character".to_owned());
    }
    let (scheme, rest) = text
        .split_once("://")
        .ok_or("is not an origin: it needs scheme and host, as in https://shop.example.com")?;
    let scheme = scheme.to_ascii_lowercase();
    let is_of_apps = !matches!(scheme.as_str(), "http" | "https");
    if is_of_apps {
        check_app_scheme(&scheme)?;
    }
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    match authority.chars().find(|c| matches!(c, '/' | '\\' | '?' | '#' | '@')) {
        Some('@') => return Err("has a user name; an origin has none".to_owned()),
        Some('?' | '#') => return Err("has a query or a fragment; an origin has none".to_owned()),
        Some(_) => return Err("has a path; an origin has none".to_owned()),
        None => {}
    }
    if is_of_apps {
        return app_origin(&scheme, authority);
    }
    let below = authority.strip_prefix("*.");
    let url = Url::parse(&format!("{scheme}://{}", below.unwrap_or(authority)))
        .map_err(|error| format!("is not an origin: {error}"))?;
    let host = url.host().ok_or("has no host")?;
    // Checked after parsing: the host may be written with `%2A`.
    if host.to_string().contains('*') {
        return Err("has a `*` that is not the whole first label of the host".to_owned());
    }
    if below.is_none() {
        return Ok(url.origin().ascii_serialization());
    }
    match host {
        Host::Domain(domain) if domain.split('.').any(str::is_empty) => {
            return Err("has an empty label in its host".to_owned());
        }
        Host::Domain(domain) if !domain.contains('.') => {
            return Err("has a wildcard below a single label, which is a public suffix".to_owned());
        }
        Host::Domain(_) => {}
        Host::Ipv4(_) | Host::Ipv6(_) => return Err("has a wildcard on an IP address".to_owned()),
    }
    Ok(url.origin().ascii_serialization().replacen("://", "://*.", 1))
}

/// Schemes that no page has an origin of: their documents have the origin `null`, or they have none.
const NO_ORIGIN: [&str; 9] =
    ["about", "blob", "data", "file", "filesystem", "ftp", "javascript", "ws", "wss"];

fn check_app_scheme(scheme: &str) -> Result<(), String> {
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'));
    if is_scheme && !NO_ORIGIN.contains(&scheme) {
        Ok(())
    } else {
        Err("has a scheme that no page has an origin of".to_owned())
    }
}

/// The origin of an app or a browser extension, whose pages have a scheme of their own: `capacitor://localhost`,
/// `chrome-extension://…`. The host is compared as written, since browsers do not normalise it (WHATWG URL, section 3.5,
/// opaque hosts).
fn app_origin(scheme: &str, authority: &str) -> Result<String, String> {
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    if host.contains('*') {
        return Err("has a wildcard, which only http and https can have".to_owned());
    }
    let is_host = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if !is_host || port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("is not an origin: the host of an app has letters, digits, `.`, `-` and `_`".to_owned());
    }
    Ok(format!("{scheme}://{authority}"))
}

/// Whether a normalised entry matches an origin.
fn matches(entry: &str, origin: &[u8]) -> bool {
    // A normalised host contains no star, so a star is the wildcard right after the scheme.
    let Some((before, after)) = entry.split_once('*') else { return entry.as_bytes() == origin };
    // The text after the star begins with a dot and ends with the host, or with the port if there is one.
    origin
        .strip_prefix(before.as_bytes())
        .and_then(|rest| rest.strip_suffix(after.as_bytes()))
        .is_some_and(are_labels)
}

/// Whether these are one or more whole labels of a host in the form that browsers send. A label contains none of `:`, `@`
/// and `/`, so the wildcard cannot match beyond the host.
fn are_labels(text: &[u8]) -> bool {
    text.split(|&byte| byte == b'.').all(|label| {
        !label.is_empty() && label.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(entry: &str) -> AllowedOrigins {
        AllowedOrigins::parse(&[entry]).unwrap_or_else(|malformed| panic!("{malformed}"))
    }

    #[test]
    fn entries_are_normalised_to_the_form_that_browsers_send() {
        for (entry, normalised) in [
            ("https://shop.example.com", "https://shop.example.com"),
            ("HTTPS://Shop.Example.COM", "https://shop.example.com"),
            ("https://shop.example.com/", "https://shop.example.com"),
            ("https://shop.example.com:443", "https://shop.example.com"),
            ("https://shop.example.com:443/", "https://shop.example.com"),
            ("http://shop.example.com:80", "http://shop.example.com"),
            ("http://shop.example.com:443", "http://shop.example.com:443"),
            ("http://localhost:8090", "http://localhost:8090"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("https://*.BÜCHER.example:443/", "https://*.xn--bcher-kva.example"),
            ("https://*.example.com:8443", "https://*.example.com:8443"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("null", "null"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("Ionic://localhost/", "ionic://localhost"),
            ("app://index.example", "app://index.example"),
            ("tauri://localhost:1420", "tauri://localhost:1420"),
            (
                "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
                "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
            ),
            (
                "safari-web-extension://6F1D9E1C-0B0E-4C6E-9D1B-5A1F2C3D4E5F",
                "safari-web-extension://6F1D9E1C-0B0E-4C6E-9D1B-5A1F2C3D4E5F",
            ),
        ] {
            assert_eq!(one(entry).joined(), normalised, "{entry}");
            assert_eq!(one(entry).entries().collect::<Vec<_>>(), [normalised], "{entry}");
        }
    }

    #[test]
    fn malformed_entries_are_rejected_with_a_reason() {
        for (entry, reason) in [
            ("", "needs scheme and host"),
            ("*", "every site"),
            ("shop.example.com", "needs scheme and host"),
            ("shop.example.com:443", "needs scheme and host"),
            ("https:shop.example.com", "needs scheme and host"),
            ("//shop.example.com", "needs scheme and host"),
            ("NULL", "needs scheme and host"),
            ("https://", "not an origin"),
            ("https:///", "not an origin"),
            ("https://shop.example.com//", "path"),
            ("https://shop.example.com/chat", "path"),
            ("https://shop.example.com\\chat", "path"),
            ("https://shop.example.com?x", "query"),
            ("https://shop.example.com#x", "fragment"),
            ("https://me@shop.example.com", "user name"),
            ("https://shop.example.com:99999", "not an origin"),
            (" https://shop.example.com", "space"),
            ("https://shop.\texample.com", "control"),
            ("ftp://shop.example.com", "scheme"),
            ("file:///home", "scheme"),
            ("data://x", "scheme"),
            ("1app://localhost", "scheme"),
            ("app://", "not an origin"),
            ("app://a b", "space"),
            ("app://h\u{f6}st", "not an origin"),
            ("app://localhost:99999", "not an origin"),
            ("app://*.localhost", "wildcard"),
            ("https://*", "first label"),
            ("https://*example.com", "first label"),
            ("https://shop*.example.com", "first label"),
            ("https://shop.*.example.com", "first label"),
            ("https://*.*.example.com", "first label"),
            ("https://%2A.example.com", "first label"),
            ("https://*.com", "single label"),
            ("https://*.localhost:8090", "single label"),
            ("https://*.com.", "empty label"),
            ("https://*..example.com", "empty label"),
            ("https://*.192.0.2.1", "IP address"),
            ("https://*.[::1]", "IP address"),
            ("https://*.", "not an origin"),
        ] {
            let malformed = AllowedOrigins::parse(&["https://a.example", entry]).expect_err(entry);
            assert_eq!(malformed.index, 1, "{entry}");
            assert!(malformed.to_string().contains(reason), "{entry}: {malformed}");
        }
    }

    #[test]
    fn ten_entries_are_accepted_and_eleven_are_rejected() {
        let list: Vec<String> = (0..11).map(|n| format!("https://{n}.example.com")).collect();
        assert_eq!(AllowedOrigins::parse(&list[..10]).unwrap().entries().count(), 10);
        let malformed = AllowedOrigins::parse(&list).unwrap_err();
        assert_eq!(malformed.index, 10);
        assert!(malformed.reason.contains("at most 10"), "{malformed}");
    }

    #[test]
    fn the_list_is_joined_without_duplicates() {
        let list = ["https://b.example", "https://*.a.example", "https://B.example:443/", "null"];
        assert_eq!(
            AllowedOrigins::parse(&list).unwrap().joined(),
            "https://b.example, https://*.a.example, null"
        );
        assert!(AllowedOrigins::parse::<&str>(&[]).unwrap().is_empty());
    }
}
