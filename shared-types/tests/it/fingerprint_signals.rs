//! Each signal in its compared form, and the requests without a fingerprint.

use shared_types::fingerprint::{Signals, Unavailable, evidence};

use crate::fingerprint_support::Guest;

/// Whether two values of one header give the same signal, as picked by `signal`.
fn same<T: PartialEq>(
    header: &'static str,
    one: &str,
    two: &str,
    signal: impl Fn(&Signals<'_>) -> T,
) -> bool {
    let (one, two) = (Guest::with_chrome().sends(header, one), Guest::with_chrome().sends(header, two));
    signal(&one.shows()) == signal(&two.shows())
}

#[test]
fn only_the_primary_language_is_used() {
    let same = |one, two| same(evidence::ACCEPT_LANGUAGE, one, two, |signals| signals.accept_language);
    // Chrome reduced the list to one language.
    assert!(same("de-DE,de;q=0.9,en;q=0.8", "de-DE"));
    assert!(same("de-AT", "DE"));
    assert!(same("*, fil;q=0.5", "fil-PH"));
    assert!(!same("de-DE,en;q=0.9", "en-GB,de;q=0.9"));
    assert!(!same("de", "den"));

    let settings = |language: &str| {
        let guest =
            Guest::with_chrome().sends(evidence::USER_SETTINGS, format!(r#"{{"language":"{language}"}}"#));
        guest.signals().unwrap().settings_language
    };
    assert_eq!(settings("en-GB"), settings("en_IN"));
    assert_ne!(settings("en-GB"), settings("de"));
    assert_eq!((settings(""), settings("x"), settings("überlang")), (None, None, None));
}

#[test]
fn content_codings_are_compared_as_a_set() {
    let same = |one, two| same(evidence::ACCEPT_ENCODING, one, two, |signals| signals.accept_encoding);
    assert!(same("gzip, deflate, br, zstd", "zstd,br;q=0.9,GZIP , deflate"));
    // A dictionary for this address appeared or disappeared.
    assert!(same("gzip, deflate, br, zstd", "gzip, deflate, br, zstd, dcb, dcz"));
    assert!(same("gzip", "gzip, br;q=0"));
    assert!(!same("gzip, deflate", "gzip, deflate, br"));
    assert!(!same("gzip", "gzip, novel"));
    assert!(!same("", "identity"));
}

#[test]
fn addresses_are_reduced_to_their_network() {
    let network = |address: &str| Guest::with_chrome().comes_from(address).signals().unwrap().network;
    assert_eq!(network("203.0.113.7"), network("203.0.113.250"));
    assert_eq!(network("203.0.113.7"), network("::ffff:203.0.113.8"));
    assert_ne!(network("203.0.113.7"), network("203.0.114.7"));
    assert_eq!(network("2001:db8:1:2::3"), network("2001:db8:1:ffff::4"));
    assert_ne!(network("2001:db8:1::1"), network("2001:db8:2::1"));
    assert_ne!(network("0.0.0.0"), network("::"));
}

#[test]
fn the_page_comes_from_origin_or_referer() {
    let origin = |guest: &Guest| guest.signals().unwrap().origin.map(|origin| origin.into_owned());
    let page = Some(b"https://shop.example.com".to_vec());
    let guest = Guest::with_chrome();
    assert_eq!(origin(&guest), page);
    let bare = guest.omits(evidence::ORIGIN);
    assert_eq!(origin(&bare), None);
    assert_eq!(origin(&bare.clone().sends(evidence::REFERER, "https://shop.example.com/cart?id=7")), page);
    assert_eq!(origin(&bare.clone().sends(evidence::REFERER, "about:blank")), None);
    assert_eq!(origin(&bare.clone().sends(evidence::REFERER, "/cart")), None);
    let other = bare
        .sends(evidence::REFERER, "https://a.example/")
        .sends(evidence::ORIGIN, "https://shop.example.com");
    assert_eq!(origin(&other), page);
}

#[test]
fn timezones_are_minutes_within_a_day() {
    for minutes in [-1440, -630, -60, 0, 300, 1440] {
        assert_eq!(Guest::with_chrome().sets_clock_to(minutes).signals().unwrap().timezone, Some(minutes));
    }
    assert_eq!(Guest::with_chrome().sets_clock_to(1441).signals().unwrap_err(), Unavailable::UserSettings);
}

#[test]
fn widget_header_fields_are_parsed() {
    let guest = Guest::with_chrome();
    let signals = guest.signals().unwrap();
    assert_eq!((signals.audio, signals.video, signals.cookie_enabled), (Some(true), Some(true), Some(true)));
    assert_eq!(signals.login_timestamp.as_deref(), Some("1751883240123"));
}

#[test]
fn requests_without_a_user_agent_are_rejected() {
    for agent in [&b""[..], b"   "] {
        let guest = Guest::with_chrome().sends(evidence::USER_AGENT, agent);
        assert_eq!(guest.signals().unwrap_err(), Unavailable::UserAgent);
    }
    for agent in [&b"Chr\xffome"[..], b"\0", &[0xff; 64 * 1024]] {
        assert!(Guest::with_chrome().sends(evidence::USER_AGENT, agent).signals().is_ok());
    }
    let guest = Guest::with_chrome().omits(evidence::USER_AGENT);
    assert_eq!(guest.signals().unwrap_err(), Unavailable::UserAgent);
}

#[test]
fn malformed_widget_headers_are_rejected() {
    for (header, reason) in [
        (evidence::DECODERS, Unavailable::Decoders),
        (evidence::USER_SETTINGS, Unavailable::UserSettings),
        (evidence::WEBCHAT_INFO, Unavailable::WebchatInfo),
    ] {
        for value in [&b""[..], b"{", b"[]", b"null", b"{\"\xff\":1}", &[b'['; 64 * 1024]] {
            let guest = Guest::with_chrome().sends(header, value);
            assert_eq!(guest.signals().unwrap_err(), reason);
        }
        assert_eq!(reason.to_string(), format!("the header {header} is missing or malformed"));
        assert!(Guest::with_chrome().omits(header).signals().is_ok());
    }
}

#[test]
fn malformed_ordinary_headers_are_ignored() {
    let mut guest = Guest::with_chrome();
    for header in [
        evidence::ACCEPT_LANGUAGE,
        evidence::ACCEPT_ENCODING,
        evidence::SEC_CH_UA,
        evidence::SEC_CH_UA_MOBILE,
        evidence::SEC_CH_UA_PLATFORM,
    ] {
        guest = guest.sends(header, b"\xff\"");
    }
    let signals = guest.signals().unwrap();
    assert!(signals.accept_language.is_none() && signals.accept_encoding.is_none());
    assert!(signals.brand.is_none() && signals.platform.is_none() && !signals.mobile);
}

#[test]
fn the_signals_debug_output_is_redacted() {
    assert_eq!(format!("{:?}", Guest::with_chrome().signals().unwrap()), "Signals(…)");
}
