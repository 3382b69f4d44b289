//! `htu`: which spellings of the URL match the request, with and without configured public URLs.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use orchestrator::dpop::{
    self, Expectation, MalformedPublicUrls, ProofFailure, PublicUrls, ReplayStore, Target,
};
use service_runtime::{Clock, RequestContext, random::Random};

use crate::dpop::prover::{Prover, now};

/// Whether a proof for `htu` matches a request to `path` with these headers.
fn names(
    htu: &str,
    public_urls: &str,
    headers: &[(&'static str, &str)],
    trusted_hops: usize,
    path: &str,
) -> bool {
    let public_urls: PublicUrls = public_urls.parse().unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    let call = RequestContext::new(&map, None, &Clock::system(), &Random::default());
    let target = Target::of_request(&call, path, &public_urls, trusted_hops);
    let expectation = Expectation { method: "POST", target, access_token: None, nonces: None, now: now() };
    let proof = Prover::new().with("htu", htu).proof();
    match dpop::verify([proof.as_bytes()], &expectation, &ReplayStore::new()) {
        Ok(_) => true,
        Err(invalid) => {
            assert_eq!(invalid.reason, ProofFailure::Target);
            false
        }
    }
}

const PATH: &str = "/v2/Webchat/Token";
/// Headers that must be ignored where public URLs are configured.
const ELSEWHERE: &[(&str, &str)] = &[("host", "evil.example")];

#[test]
fn a_configured_public_url_is_compared_as_a_url() {
    for htu in [
        "https://chat.example.com/v2/Webchat/Token",
        "https://chat.example.com:443/v2/Webchat/Token",
        "HTTPS://Chat.Example.COM/v2/Webchat/Token",
        "https://chat.example.com/v2/Webchat/Token?x=1",
        "https://chat.example.com/v2/Webchat/Token#x",
        "https://chat.example.com/v2/x/../Webchat/Token",
        "http://localhost:8000/v2/Webchat/Token",
    ] {
        assert!(names(htu, "https://chat.example.com, http://localhost:8000/", ELSEWHERE, 1, PATH), "{htu}");
    }
    for htu in [
        "",
        PATH,
        "chat.example.com/v2/Webchat/Token",
        "http://chat.example.com/v2/Webchat/Token",
        "http://chat.example.com:443/v2/Webchat/Token",
        "https://chat.example.com:8443/v2/Webchat/Token",
        "https://chat.example.com./v2/Webchat/Token",
        "https://chat.example.com.evil.example/v2/Webchat/Token",
        "https://evil.example/v2/Webchat/Token",
        "https://me@chat.example.com/v2/Webchat/Token",
        "https://chat.example.com/v2/Webchat/Token/",
        "https://chat.example.com/v2/webchat/token",
        "https://chat.example.com/V2/Webchat/Token",
        "https://chat.example.com//v2/Webchat/Token",
        "https://chat.example.com/",
        "https://chat.example.com",
        " https://chat.example.com/v2/Webchat/Token",
        "https://chat.example.com/v2/Web\tchat/Token",
        "ftp://chat.example.com/v2/Webchat/Token",
        "http://localhost/v2/Webchat/Token",
    ] {
        assert!(!names(htu, "https://chat.example.com, http://localhost:8000/", ELSEWHERE, 1, PATH), "{htu}");
    }
}

#[test]
fn a_configured_public_url_may_have_a_path() {
    let named = |htu| names(htu, "https://example.com/chat/", ELSEWHERE, 0, PATH);
    assert!(named("https://example.com/chat/v2/Webchat/Token"));
    assert!(!named("https://example.com/v2/Webchat/Token"));
    assert!(!named("https://example.com/chatv2/Webchat/Token"));
}

#[test]
fn without_a_public_url_the_host_header_matches_with_either_scheme() {
    for (htu, host, expected) in [
        ("http://127.0.0.1:8000/v2/Webchat/Token", "127.0.0.1:8000", true),
        ("https://127.0.0.1:8000/v2/Webchat/Token", "127.0.0.1:8000", true),
        ("https://chat.example.com/v2/Webchat/Token", "Chat.Example.com", true),
        ("https://chat.example.com/v2/Webchat/Token", "chat.example.com:443", true),
        ("http://chat.example.com/v2/Webchat/Token", "chat.example.com:443", false),
        ("http://[::1]:8000/v2/Webchat/Token", "[::1]:8000", true),
        ("http://127.0.0.1:8000/v2/Webchat/Token", "127.0.0.1", false),
        ("https://evil.example/v2/Webchat/Token", "chat.example.com", false),
        ("https://chat.example.com/v2/Webchat/Token/Refresh", "chat.example.com", false),
        ("https://chat.example.com/v2/Webchat/Token", "chat.example.com/v2", false),
        ("https://chat.example.com/v2/Webchat/Token", "evil.example@chat.example.com", false),
        ("https://chat.example.com/v2/Webchat/Token", "", false),
        ("ws://chat.example.com/v2/Webchat/Token", "chat.example.com", false),
    ] {
        assert_eq!(names(htu, "", &[("host", host)], 0, PATH), expected, "{htu} at {host}");
    }
    assert!(!names("http://127.0.0.1:8000/v2/Webchat/Token", "", &[], 0, PATH), "no host at all");
}

#[test]
fn forwarded_scheme_and_host_of_a_trusted_proxy_are_used() {
    let headers = [
        ("host", "127.0.0.1:8080"),
        ("x-forwarded-host", "chat.example.com"),
        ("x-forwarded-proto", "https"),
    ];
    for (htu, trusted_hops, expected) in [
        ("https://chat.example.com/v2/Webchat/Token", 1, true),
        ("http://chat.example.com/v2/Webchat/Token", 1, false),
        ("http://127.0.0.1:8080/v2/Webchat/Token", 1, false),
        ("https://chat.example.com/v2/Webchat/Token", 0, false),
        ("http://127.0.0.1:8080/v2/Webchat/Token", 0, true),
    ] {
        assert_eq!(names(htu, "", &headers, trusted_hops, PATH), expected, "{htu}, {trusted_hops}");
    }
    let headers = [("host", "chat.example.com"), ("x-forwarded-proto", "javascript")];
    assert!(!names("https://chat.example.com/v2/Webchat/Token", "", &headers, 1, PATH));
}

#[test]
fn lists_of_forwarded_schemes_are_accepted() {
    let named = |htu: &str, forwarded: &[&str]| {
        let mut headers = vec![("host", "chat.example.com")];
        headers.extend(forwarded.iter().map(|value| ("x-forwarded-proto", *value)));
        names(htu, "", &headers, 1, PATH)
    };
    let (https, http) =
        ("https://chat.example.com/v2/Webchat/Token", "http://chat.example.com/v2/Webchat/Token");
    for list in [&["https, http"][..], &["http,https"], &["https", "http"], &[""], &[","]] {
        assert!(named(https, list) && named(http, list), "{list:?}");
    }
    for list in [&["https, https"][..], &["https,"], &["HTTPS", "https"], &["\thttps "]] {
        assert!(named(https, list) && !named(http, list), "{list:?}");
    }
    assert!(!named(https, &["http, http"]));
    assert!(!named("ftp://chat.example.com/v2/Webchat/Token", &["ftp, https"]));
}

#[test]
fn forwarded_host_comes_from_the_outermost_trusted_proxy() {
    let headers =
        [("host", "fwo:8080"), ("x-forwarded-host", "evil.example, chat.example.com, inner.example:8080")];
    let named =
        |host: &str, hops| names(&format!("https://{host}/v2/Webchat/Token"), "", &headers, hops, PATH);
    for (hops, host) in [(0, "fwo:8080"), (1, "inner.example:8080"), (2, "chat.example.com")] {
        for other in ["fwo:8080", "inner.example:8080", "chat.example.com", "evil.example"] {
            assert_eq!(named(other, hops), other == host, "{other} past {hops} hops");
        }
    }
    let short = [("host", "fwo:8080"), ("x-forwarded-host", "chat.example.com")];
    assert!(
        names("https://chat.example.com/v2/Webchat/Token", "", &short, 2, PATH),
        "replaced, not added to"
    );
}

#[test]
fn invalid_public_urls_are_rejected() {
    for list in [
        "chat.example.com",
        "https://",
        "https://chat.example.com?x",
        "https://chat.example.com#x",
        "https://me@chat.example.com",
        "ftp://chat.example.com",
        "https://chat.example.com; https://b.example",
        "https://a.example, b.example",
    ] {
        assert_eq!(list.parse::<PublicUrls>(), Err(MalformedPublicUrls), "{list}");
    }
    assert_eq!("".parse::<PublicUrls>(), Ok(PublicUrls::default()));
    assert_eq!(" , ".parse::<PublicUrls>(), Ok(PublicUrls::default()));
}
