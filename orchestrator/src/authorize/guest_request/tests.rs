//! Reports of proxies, and what guests can make of them.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use service_runtime::{Clock, random::Random};

use super::*;

const EXACT: &str = "/v2/Webchat/Authorize";
const TRAEFIK: [(&str, &str); 4] = [
    (FORWARDED_METHOD, "POST"),
    (FORWARDED_PROTO, "https"),
    (FORWARDED_HOST, "api.example.com"),
    (FORWARDED_URI, "/orders/7?size=40"),
];
const NGINX: [(&str, &str); 2] =
    [(ORIGINAL_METHOD, "POST"), (ORIGINAL_URL, "https://api.example.com/orders/7?size=40")];

/// The report in a request for `path`: method, URL; or the malformed field.
fn report(
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    public_urls: &str,
) -> Result<(String, String), &'static str> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::try_from(*name).unwrap();
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let context = RequestContext::new(&map, None, &Clock::system(), &Random::default()).of(method, path);
    let read = GuestRequest::read(&context, &public_urls.parse().unwrap());
    let read = read.map_err(|malformed| malformed.field)?;
    Ok((read.method.to_owned(), format!("{}://{}{}", read.scheme, read.authority, read.path)))
}

fn of_headers(headers: &[(&str, &str)]) -> Result<(String, String), &'static str> {
    // nginx, Traefik, Caddy and APISIX ask with GET.
    report(("GET", EXACT), headers, "http://api.example.com")
}

fn of_line(method: &str, behind: &str, headers: &[(&str, &str)]) -> Result<(String, String), &'static str> {
    let public_urls = "http://plain.example.com:8000, https://both.example.com, http://both.example.com";
    report((method, &format!("{EXACT}{behind}")), headers, public_urls)
}

fn ok(method: &str, url: &str) -> Result<(String, String), &'static str> {
    Ok((method.to_owned(), url.to_owned()))
}

/// The headers with one replaced; without a value, removed.
fn with<'a>(headers: &[(&'a str, &'a str)], name: &str, value: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let replaced = headers.iter().filter_map(|(known, old)| {
        if *known == name { value.map(|value| (*known, value)) } else { Some((*known, *old)) }
    });
    replaced.collect()
}

#[test]
fn either_family_reports_the_request() {
    for family in [&TRAEFIK[..], &NGINX] {
        assert_eq!(of_headers(family), ok("POST", "https://api.example.com/orders/7"));
    }
}

#[test]
fn a_family_that_is_missing_or_incomplete_is_rejected() {
    assert_eq!(of_headers(&[]), Err(FORWARDED_METHOD));
    assert_eq!(of_headers(&TRAEFIK[1..3]), Err(FORWARDED_METHOD), "proto and host make no family");
    for family in [&TRAEFIK[..], &NGINX] {
        for (name, _) in family {
            assert_eq!(of_headers(&with(family, name, None)), Err(*name), "{name} is missing");
            assert_eq!(of_headers(&with(family, name, Some(""))), Err(*name), "{name} is empty");
        }
    }
}

#[test]
fn two_families_are_rejected() {
    assert!(of_headers(&[&TRAEFIK[..], &NGINX].concat()).is_err());
    for smuggled in NGINX {
        assert!(of_headers(&[&TRAEFIK[..], &[smuggled]].concat()).is_err(), "{smuggled:?}");
    }
    for smuggled in [TRAEFIK[0], TRAEFIK[3]] {
        assert!(of_headers(&[&NGINX[..], &[smuggled]].concat()).is_err(), "{smuggled:?}");
    }
    // These have no effect beside the other family.
    let beside = [&NGINX[..], &[(FORWARDED_PROTO, "http"), (FORWARDED_HOST, "evil.example")]].concat();
    assert_eq!(of_headers(&beside), ok("POST", "https://api.example.com/orders/7"));
}

#[test]
fn doubled_headers_are_rejected() {
    for family in [&TRAEFIK[..], &NGINX] {
        for (name, value) in family {
            let is_list = [FORWARDED_PROTO, FORWARDED_HOST].contains(name);
            let other = if *name == FORWARDED_PROTO { "http" } else { "evil" };
            let other = [(*name, other)];
            for both in [[&other, family].concat(), [family, &other].concat()] {
                assert_eq!(of_headers(&both), Err(*name), "{both:?}");
            }
            let same = of_headers(&[family, &[(*name, value)]].concat());
            assert_eq!(same.is_ok(), is_list, "{name}, twice the same");
        }
    }
    // Each proxy of a chain may append to these.
    let appended = |proto, host| {
        of_headers(&with(&with(&TRAEFIK, FORWARDED_PROTO, Some(proto)), FORWARDED_HOST, Some(host)))
    };
    assert!(appended("https, https", "api.example.com, API.example.com").is_ok());
    assert_eq!(appended("https, http", "api.example.com"), Err(FORWARDED_PROTO));
    assert_eq!(appended("https", "evil.example, api.example.com"), Err(FORWARDED_HOST));
}

#[test]
fn malformed_values_are_rejected() {
    let forwarded = |name, value| of_headers(&with(&TRAEFIK, name, Some(value))).map(|(_, url)| url);
    for method in ["GET POST", "POST, GET", "POST\tx", "P/ST", "\u{e9}"] {
        assert_eq!(forwarded(FORWARDED_METHOD, method), Err(FORWARDED_METHOD), "{method}");
        assert_eq!(of_headers(&with(&NGINX, ORIGINAL_METHOD, Some(method))), Err(ORIGINAL_METHOD));
    }
    for scheme in ["ftp", "https:", "https://", "h", "\u{e9}"] {
        assert_eq!(forwarded(FORWARDED_PROTO, scheme), Err(FORWARDED_PROTO), "{scheme}");
    }
    let hosts =
        ["a/b", "a?b", "a#b", "u@a", "u:p@a", "a b", "a\\b", "a:b", "a:99999", "[::1", "%61", "\u{e9}"];
    for host in hosts {
        assert_eq!(forwarded(FORWARDED_HOST, host), Err(FORWARDED_HOST), "{host}");
        let url = format!("https://{host}/orders/7");
        // A `/` in a host is the beginning of the path.
        let read = of_headers(&with(&NGINX, ORIGINAL_URL, Some(&url)));
        assert_eq!(read.is_err(), host != "a/b", "{host}");
    }
    for path in
        ["orders", "*", "?", "http://evil.example/", "@evil.example/", "/a#b", "/a b", "/\u{e9}", "/a#?b"]
    {
        assert_eq!(forwarded(FORWARDED_URI, path), Err(FORWARDED_URI), "{path}");
    }
    for url in [
        "/orders/7",
        "//api.example.com/orders/7",
        "api.example.com/orders/7",
        "https:/api.example.com/orders/7",
        "https:api.example.com/orders/7",
        "https://api.example.com",
        "https://api.example.com?/",
        "ftp://api.example.com/",
        "https:///orders/7",
        "https://api.example.com/a#b",
    ] {
        assert_eq!(of_headers(&with(&NGINX, ORIGINAL_URL, Some(url))), Err(ORIGINAL_URL), "{url}");
    }
}

#[test]
fn unusual_values_are_read_as_they_are() {
    let forwarded = |name, value| of_headers(&with(&TRAEFIK, name, Some(value))).unwrap();
    assert_eq!(forwarded(FORWARDED_METHOD, "get").0, "get", "methods are case-sensitive");
    for (proto, scheme) in [("HTTPS", "https"), ("wss", "https"), ("ws", "http"), ("Http", "http")] {
        assert_eq!(forwarded(FORWARDED_PROTO, proto).1, format!("{scheme}://api.example.com/orders/7"));
    }
    for host in ["api.example.com:8443", "[2001:db8::1]:80", "127.0.0.1", "a_b.example"] {
        assert_eq!(forwarded(FORWARDED_HOST, host).1, format!("https://{host}/orders/7"));
    }
    for (uri, path) in [
        ("/", "/"),
        ("/?a", "/"),
        ("//evil.example/a", "//evil.example/a"),
        ("/a/../b", "/a/../b"),
        ("/%2e%2E/b%3F?c#d", "/%2e%2E/b%3F"),
        ("/a?\u{e9}", "/a"),
    ] {
        assert_eq!(forwarded(FORWARDED_URI, uri).1, format!("https://api.example.com{path}"));
        let url = format!("https://api.example.com{uri}");
        assert_eq!(of_headers(&with(&NGINX, ORIGINAL_URL, Some(&url))).unwrap().1.len(), 23 + path.len());
    }
}

#[test]
fn a_path_behind_the_prefix_reports_by_the_request_line() {
    let host = [("host", "api.example.com")];
    assert_eq!(of_line("PUT", "/orders/7", &host), ok("PUT", "https://api.example.com/orders/7"));
    assert_eq!(of_line("GET", "/", &host), ok("GET", "https://api.example.com/"));
    assert_eq!(of_line("GET", "//a/", &host), ok("GET", "https://api.example.com//a/"));
    for (host, url) in [
        ("plain.example.com:8000", "http://plain.example.com:8000/"),
        ("PLAIN.example.com:8000", "http://PLAIN.example.com:8000/"),
        ("plain.example.com", "https://plain.example.com/"),
        ("both.example.com", "https://both.example.com/"),
        ("both.example.com:80", "http://both.example.com:80/"),
    ] {
        assert_eq!(of_line("GET", "/", &[("host", host)]), ok("GET", url));
    }
    assert_eq!(of_line("GET", "/", &[]), Err("host"));
    assert_eq!(of_line("GET", "/", &[("host", "a"), ("host", "b")]), Err("host"));
    assert_eq!(of_line("GET", "/", &[("host", "u@a")]), Err("host"));
}

#[test]
fn headers_beside_a_path_behind_the_prefix_are_rejected() {
    let host = ("host", "api.example.com");
    for smuggled in TRAEFIK.into_iter().chain(NGINX) {
        assert_eq!(of_line("GET", "/orders/7", &[host, smuggled]), Err(smuggled.0));
    }
}

#[test]
fn the_target_is_exactly_the_reported_url() {
    let mut map = HeaderMap::new();
    for (name, value) in TRAEFIK {
        map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let context = RequestContext::new(&map, None, &Clock::system(), &Random::default()).of("GET", EXACT);
    let ours: PublicUrls = "https://chat.example.com".parse().unwrap();
    let target = GuestRequest::read(&context, &ours).unwrap().target();
    assert_eq!(target.origins(), ["https://api.example.com"]);
    for (htu, is_it) in [
        ("https://api.example.com/orders/7", true),
        ("https://API.example.com:443/orders/7?other=1", true),
        ("http://api.example.com/orders/7", false),
        ("https://api.example.com/orders/8", false),
        ("https://chat.example.com/orders/7", false),
        ("https://chat.example.com/v2/Webchat/Authorize", false),
    ] {
        assert_eq!(target.is_named_by(htu), is_it, "{htu}");
    }
}

proptest! {
    /// No value makes a report of another host than the one in the header, or panics.
    #[test]
    fn no_url_is_of_another_host(url in "https?://[a-z@:/?#.\\\\\\[\\]]{0,24}") {
        if let Ok((_, read)) = of_headers(&with(&NGINX, ORIGINAL_URL, Some(&url))) {
            prop_assert!(url.starts_with(&read), "{url} was read as {read}");
            let parsed = url::Url::parse(&read).unwrap();
            prop_assert_eq!(parsed.username(), "");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..16), 6),
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in REPORTS.into_iter().zip(&values) {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                map.append(HeaderName::from_static(name), value);
            }
        }
        let context = RequestContext::new(&map, None, &Clock::system(), &Random::default()).of("GET", EXACT);
        let _ = GuestRequest::read(&context, &PublicUrls::default());
    }
}
