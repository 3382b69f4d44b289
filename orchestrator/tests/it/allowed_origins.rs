//! Which `Origin` an entry matches (contract, section 5), with known bypasses of allow lists.

use orchestrator::accounts::AllowedOrigins;
use proptest::prelude::*;

fn one(entry: &str) -> AllowedOrigins {
    AllowedOrigins::parse(&[entry]).unwrap_or_else(|refused| panic!("{refused}"))
}

#[test]
fn an_exact_entry_matches_one_origin() {
    let list = one("https://shop.example.com");
    assert!(list.allows(b"https://shop.example.com"));
    for origin in [
        "http://shop.example.com",
        "https://shop.example.com:8443",
        "https://shop.example.com:443",
        "https://shop.example.com.",
        "https://shop.example.com/",
        "https://shop.example.com.evil.example",
        "https://evil.shop.example.com",
        "https://evilshop.example.com",
        "HTTPS://SHOP.EXAMPLE.COM",
        "https://shop.example.com, https://evil.example",
        "null",
        "",
    ] {
        assert!(!list.allows(origin.as_bytes()), "{origin}");
    }
}

#[test]
fn a_wildcard_matches_whole_labels_below() {
    let list = one("https://*.example.com");
    for origin in ["https://a.example.com", "https://a.b.c.example.com", "https://xn--bcher-kva.example.com"]
    {
        assert!(list.allows(origin.as_bytes()), "{origin}");
    }
    for origin in [
        "https://example.com",
        "https://.example.com",
        "https://a..example.com",
        "https://evil-example.com",
        "https://a.evil-example.com",
        "https://a.example.com.evil.example",
        "https://a.example.community",
        "https://a.example.com:8443",
        "https://evil.example:443.example.com",
        "https://evil.example/.example.com",
        "https://evil.example#.example.com",
        "https://evil@a.example.com",
        "https://*.example.com",
        "http://a.example.com",
        "https://A.example.com",
        "null",
    ] {
        assert!(!list.allows(origin.as_bytes()), "{origin}");
    }
}

#[test]
fn a_wildcards_port_must_match() {
    let list = one("http://*.example.com:8080");
    assert!(list.allows(b"http://a.example.com:8080"));
    for origin in ["http://a.example.com", "http://a.example.com:80", "http://a.example.com:18080"] {
        assert!(!list.allows(origin.as_bytes()), "{origin}");
    }
}

#[test]
fn opaque_origins_match_only_null() {
    assert!(one("null").allows(b"null"));
    assert!(!one("https://*.example.com").allows(b"null"));
    assert!(!AllowedOrigins::default().allows(b"null"));
}

fn labels(depth: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec("[a-z][a-z0-9]{0,8}", depth).prop_map(|labels| labels.join("."))
}

fn entry() -> impl Strategy<Value = String> {
    (
        prop::sample::select(vec!["http", "https", "HTTPS"]),
        any::<bool>(),
        labels(2..4),
        prop::option::of(1..=u16::MAX),
        prop::sample::select(vec!["", "/"]),
    )
        .prop_map(|(scheme, wildcard, host, port, slash)| {
            let star = if wildcard { "*." } else { "" };
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("{scheme}://{star}{host}{port}{slash}")
        })
}

proptest! {
    #[test]
    fn a_wildcard_matches_only_subdomains(
        base in labels(2..4),
        below in labels(1..4),
        glue in "[a-z0-9-]{1,6}",
        tail in "[.a-z0-9:@/?#-]{1,8}",
    ) {
        let list = one(&format!("https://*.{base}"));
        let allowed = format!("https://{below}.{base}");
        prop_assert!(list.allows(allowed.as_bytes()));
        let own = format!("https://{base}");
        prop_assert!(!list.allows(own.as_bytes()), "the domain itself");
        let prefixed = format!("https://{glue}{base}");
        prop_assert!(!list.allows(prefixed.as_bytes()), "a longer last label: {}", prefixed);
        let sibling = format!("https://{below}.{glue}{base}");
        prop_assert!(!list.allows(sibling.as_bytes()), "a sibling: {}", sibling);
        let tailed = format!("{allowed}{tail}");
        prop_assert!(!list.allows(tailed.as_bytes()) || tailed.ends_with(&format!(".{base}")), "{}", tailed);
        let other_scheme = allowed.replacen("https", "http", 1);
        prop_assert!(!list.allows(other_scheme.as_bytes()), "another scheme");
    }

    /// Parsed with a browser's URL parser, every origin that the wildcard matches is below the domain.
    #[test]
    fn matched_origins_are_subdomains_according_to_the_url_parser(start in "[a-z0-9.:@/?#\\\\\\[\\]%*_ -]{0,24}") {
        let origin = format!("https://{start}.example.com");
        if one("https://*.example.com").allows(origin.as_bytes()) {
            let url = url::Url::parse(&origin).unwrap();
            prop_assert_eq!(url.origin().ascii_serialization(), origin.as_str());
            prop_assert!(url.host_str().unwrap().ends_with(".example.com"));
        }
    }

    #[test]
    fn normalisation_is_idempotent(list in prop::collection::vec(entry(), 0..=10)) {
        let parsed = AllowedOrigins::parse(&list).unwrap();
        let entries: Vec<&str> = parsed.entries().collect();
        prop_assert_eq!(&AllowedOrigins::parse(&entries).unwrap(), &parsed);
        prop_assert_eq!(parsed.joined(), entries.join(", "));
    }

    #[test]
    fn an_exact_entry_matches_itself(entry in entry()) {
        let list = one(&entry);
        prop_assert_eq!(list.allows(list.joined().as_bytes()), !entry.contains('*'));
    }

    #[test]
    fn no_input_bytes_panic(
        origin in prop::collection::vec(any::<u8>(), 0..64),
        text in "\\PC{0,40}",
        after_scheme in "(https?://)(\\*\\.)?\\PC{0,20}",
    ) {
        let list = AllowedOrigins::parse(&["https://*.example.com", "https://a.example", "null"]).unwrap();
        prop_assert!(!list.allows(&origin) || origin.is_ascii());
        for entry in [&text, &after_scheme] {
            if let Ok(list) = AllowedOrigins::parse(&[entry]) {
                prop_assert!(list.joined().is_ascii());
                list.allows(&origin);
            }
        }
    }
}
