//! The policy, row by row: which changes of a browser each sensitivity accepts.

use shared_types::{
    DeploymentKey,
    fingerprint::{Comparison, Sensitivity, Signal, SignalSet, evidence},
};

use crate::fingerprint_support::{CHROME, DECODERS, Guest, SAFARI, USER_SETTINGS, accepting_levels, judge};
use Sensitivity::{High, Low, Medium};

fn compare(before: &Guest, after: &Guest) -> Comparison {
    judge(&before.fingerprint(Medium), &after.fingerprint(Medium)).last
}

fn with_language(guest: Guest, language: &str) -> Guest {
    let settings = String::from_utf8(guest.headers[evidence::USER_SETTINGS].clone()).unwrap();
    guest
        .sends(evidence::ACCEPT_LANGUAGE, language)
        .sends(evidence::USER_SETTINGS, settings.replace("de-DE", language))
}

fn without_decoders(guest: Guest) -> Guest {
    guest.sends(evidence::DECODERS, DECODERS.replace(r#""supported":true"#, r#""supported":false"#))
}

fn without_hints(guest: Guest) -> Guest {
    guest.omits(evidence::SEC_CH_UA).omits(evidence::SEC_CH_UA_MOBILE).omits(evidence::SEC_CH_UA_PLATFORM)
}

#[test]
fn one_ordinary_change_is_accepted_at_every_level() {
    let g = Guest::with_chrome;
    for (change, after) in [
        ("none", g()),
        ("an update", g().updates_chrome_to(139)),
        (
            "an update with a new coding",
            g().updates_chrome_to(139).sends(evidence::ACCEPT_ENCODING, "gzip, novel"),
        ),
        ("daylight saving time", g().sets_clock_to(-120)),
        ("standard time", g().sets_clock_to(0)),
        ("daylight saving time on Lord Howe", g().sets_clock_to(-90)),
        ("another network", g().comes_from("198.51.100.1")),
        ("IPv6", g().comes_from("2001:db8::1")),
        ("other decoders", without_decoders(g())),
        ("no hints", without_hints(g())),
        ("no cookies", g().sends(evidence::USER_SETTINGS, USER_SETTINGS.replace("true", "false"))),
        ("a filter that removes codings", g().omits(evidence::ACCEPT_ENCODING)),
        ("no origin, as in a same-origin GET", g().omits(evidence::ORIGIN)),
    ] {
        assert_eq!(accepting_levels(&g(), &after), [Low, Medium, High], "{change}");
    }
    assert_eq!(accepting_levels(&without_hints(g()), &g()), [Low, Medium, High], "client hints are added");
    let safari = |major: &str| {
        let agent = crate::fingerprint_support::SAFARI.replace("Version/18", &format!("Version/{major}"));
        Guest::with_safari().sends(evidence::USER_AGENT, agent)
    };
    assert_eq!(accepting_levels(&safari("18"), &safari("26")), [Low, Medium, High], "Safari's yearly step");
}

#[test]
fn larger_changes_are_accepted_at_lenient_levels() {
    let g = Guest::with_chrome;
    let travelling = || g().sets_clock_to(300);
    let brave = || g().sends(evidence::SEC_CH_UA, r#""Brave";v="138", "Chromium";v="138""#);
    let cases: [(&str, Guest, &[Sensitivity]); 16] = [
        ("travel", travelling().comes_from("2001:db8::1"), &[Low, Medium]),
        ("61 minutes", g().sets_clock_to(1), &[Low, Medium]),
        ("another language", with_language(g(), "fr-FR"), &[Low, Medium]),
        // The adaptive thief's guess; travel comes with another network, another language does not.
        ("a language and a network", with_language(g(), "fr-FR").comes_from("198.51.100.1"), &[Low]),
        ("travel and a language", with_language(travelling(), "fr-FR").comes_from("198.51.100.1"), &[Low]),
        ("travel and a coding", travelling().sends(evidence::ACCEPT_ENCODING, "gzip"), &[Low, Medium]),
        (
            "a language and a coding",
            with_language(g(), "fr").sends(evidence::ACCEPT_ENCODING, "gzip"),
            &[Low],
        ),
        ("a language and decoders", without_decoders(with_language(g(), "fr")), &[Low]),
        ("travel and decoders", without_decoders(travelling()), &[Low]),
        ("travel, a language and decoders", without_decoders(with_language(travelling(), "fr")), &[]),
        ("no hints and a network", without_hints(g()).comes_from("198.51.100.1"), &[Low, Medium, High]),
        ("another brand", brave(), &[Low]),
        ("another platform", g().sends(evidence::SEC_CH_UA_PLATFORM, r#""Linux""#), &[Low]),
        ("brand and language", with_language(brave(), "fr"), &[]),
        ("brand and platform", brave().sends(evidence::SEC_CH_UA_PLATFORM, r#""Linux""#), &[]),
        (
            "neither language nor settings",
            g().omits(evidence::ACCEPT_LANGUAGE).omits(evidence::USER_SETTINGS),
            &[],
        ),
    ];
    for (change, after, levels) in cases {
        assert_eq!(accepting_levels(&g(), &after), levels, "{change}");
    }
}

#[test]
fn every_soft_signal_costs_when_changed_or_missing() {
    let settings = |from: &str, to: &str| {
        Guest::with_chrome().sends(evidence::USER_SETTINGS, USER_SETTINGS.replace(from, to))
    };
    let sends = |header, value: &str| Guest::with_chrome().sends(header, value);
    let audio = |to: &str| sends(evidence::DECODERS, &DECODERS.replacen(r#""supported":true"#, to, 1));
    let video = |to: &str| {
        let (audio, video) = DECODERS.split_once("video").unwrap();
        sends(evidence::DECODERS, &format!("{audio}video{}", video.replace(r#""supported":true"#, to)))
    };
    let network = |client| Guest { client, ..Guest::with_chrome() };
    for (signal, changed, changed_costs, missing, missing_costs) in [
        (Signal::Timezone, settings("-60", "1"), 4, settings("-60", "null"), 5),
        (Signal::Brand, sends(evidence::SEC_CH_UA, r#""Brave""#), 8, sends(evidence::SEC_CH_UA, ""), 1),
        (
            Signal::Platform,
            sends(evidence::SEC_CH_UA_PLATFORM, r#""x""#),
            8,
            sends(evidence::SEC_CH_UA_PLATFORM, ""),
            1,
        ),
        (
            Signal::AcceptLanguage,
            sends(evidence::ACCEPT_LANGUAGE, "fr"),
            2,
            sends(evidence::ACCEPT_LANGUAGE, "*"),
            3,
        ),
        (Signal::SettingsLanguage, settings("de-DE", "fr"), 3, settings("de-DE", ""), 4),
        (
            Signal::AcceptEncoding,
            sends(evidence::ACCEPT_ENCODING, "br"),
            1,
            Guest::with_chrome().omits(evidence::ACCEPT_ENCODING),
            2,
        ),
        (Signal::CookieEnabled, settings("true", "false"), 1, settings("true", "null"), 1),
        (Signal::AudioDecoder, audio(r#""supported":false"#), 1, audio(r#""supported":null"#), 1),
        (Signal::VideoDecoder, video(r#""supported":false"#), 1, video(r#""supported":null"#), 1),
        (Signal::Network, network(Some([198, 51, 100, 1].into())), 1, network(None), 1),
    ] {
        for (after, costs) in [(changed, changed_costs), (missing, missing_costs)] {
            let compared = compare(&Guest::with_chrome(), &after);
            // The hinted version depends on the brand.
            let drifted = compared.drifted.without(SignalSet::of(&[Signal::HintedVersion]));
            assert_eq!((drifted, compared.points), (SignalSet::of(&[signal]), costs));
            assert!(compared.broke.is_empty());
        }
    }
}

#[test]
fn versions_may_rise_up_to_the_maximum_jump() {
    let before = Guest::with_chrome();
    for (major, levels) in [
        (138, &[Low, Medium, High][..]),
        (144, &[Low, Medium, High]),
        (145, &[Low, Medium]),
        (151, &[Low, Medium]),
        (152, &[Low]),
        (162, &[Low]),
        (163, &[]),
        (137, &[]),
        (1, &[]),
        (65535, &[]),
    ] {
        assert_eq!(accepting_levels(&before, &before.clone().updates_chrome_to(major)), levels, "{major}");
    }
}

#[test]
fn versions_that_are_counted_otherwise_may_jump_otherwise() {
    let of = |agent: String| Guest::with_safari().sends(evidence::USER_AGENT, agent);
    let safari = |major: u16| of(SAFARI.replace("Version/18", &format!("Version/{major}")));
    let google_app = |major: u16| of(SAFARI.replace("Version/18.5", &format!("GSA/{major}.0.1")));
    // Yearly: 18, 26, 27, 28.
    for (major, levels) in [(26, &[Low, Medium, High][..]), (27, &[Low]), (28, &[])] {
        assert_eq!(accepting_levels(&safari(18), &safari(major)), levels, "Safari {major}");
    }
    // Weekly: half a year, a year, two.
    for (major, levels) in [
        (406, &[Low, Medium, High][..]),
        (407, &[Low, Medium]),
        (432, &[Low, Medium]),
        (433, &[Low]),
        (484, &[Low]),
        (485, &[]),
        (379, &[]),
    ] {
        assert_eq!(accepting_levels(&google_app(380), &google_app(major)), levels, "GSA {major}");
    }
    // A hinted version is the engine's, and four-weekly in every app.
    let app = |engine: u16| {
        of(SAFARI.replace("Version/18.5", "App/7.0.1"))
            .sends(evidence::SEC_CH_UA, format!(r#""Chromium";v="{engine}""#))
    };
    assert_eq!(accepting_levels(&app(130), &app(136)), [Low, Medium, High]);
    assert_eq!(accepting_levels(&app(130), &app(137)), [Low, Medium]);
}

#[test]
fn decisive_signals_break_a_session_at_every_level() {
    let g = Guest::with_chrome;
    let other_deployment = Guest { deployment_key: DeploymentKey::from_bits(2), ..g() };
    let mac = CHROME.replace("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7");
    let no_system = CHROME.replace("(Windows NT 10.0; Win64; x64)", "");
    for (broken, after) in [
        (Signal::OperatingSystem, g().sends(evidence::USER_AGENT, mac)),
        (Signal::OperatingSystem, g().sends(evidence::USER_AGENT, no_system)),
        (Signal::Mobile, g().sends(evidence::SEC_CH_UA_MOBILE, "?1")),
        (Signal::Origin, g().sends(evidence::ORIGIN, "https://evil.example")),
        (Signal::DeploymentKey, other_deployment),
        (Signal::LoginTimestamp, g().sends(evidence::WEBCHAT_INFO, r#"{"loginTimestamp":"1751883240124"}"#)),
        (Signal::LoginTimestamp, g().sends(evidence::WEBCHAT_INFO, r#"{"loginTimestamp":"9999999"}"#)),
        (Signal::LoginTimestamp, g().sends(evidence::WEBCHAT_INFO, "{}")),
        (Signal::MajorVersion, g().sends(evidence::USER_AGENT, CHROME.replace("138.0.0.0", "."))),
        (Signal::LoginTimestamp, g().omits(evidence::WEBCHAT_INFO)),
    ] {
        assert_eq!(accepting_levels(&g(), &after), [], "{broken:?}");
        assert_eq!(compare(&g(), &after).broke, SignalSet::of(&[broken]));
    }
}

#[test]
fn signals_missing_at_the_start_may_be_added() {
    let bare = Guest::with_chrome()
        .omits(evidence::WEBCHAT_INFO)
        .omits(evidence::ORIGIN)
        .omits(evidence::USER_SETTINGS);
    let compared = compare(&bare, &Guest::with_chrome());
    assert!(compared.drifted.is_empty() && compared.points == 0);
    assert!(!compared.held.contains(Signal::LoginTimestamp));
    assert_eq!(accepting_levels(&bare, &Guest::with_chrome()), [Low, Medium, High]);
}

#[test]
fn verdicts_name_their_signals() {
    let after = with_language(Guest::with_chrome(), "fr").comes_from("2001:db8::1").updates_chrome_to(137);
    let compared = compare(&Guest::with_chrome(), &after.omits(evidence::SEC_CH_UA));
    assert_eq!(compared.broke.to_string(), "major_version");
    assert_eq!(
        compared.drifted.to_string(),
        "hinted_version,brand,accept_language,settings_language,network"
    );
    assert_eq!(
        compared.held.to_string(),
        "family,operating_system,mobile,origin,deployment_key,login_timestamp,timezone,platform,accept_encoding,\
         cookie_enabled,audio_decoder,video_decoder"
    );
    assert_eq!((compared.points, compared.budget), (7, 5));
    // Of nine counted signals: family, system, loginTimestamp, timezone and platform.
    assert_eq!((compared.counted, compared.least), (5, 4));
}

#[test]
fn the_level_comes_from_the_presented_fingerprint() {
    let (before, after) = (Guest::with_chrome(), Guest::with_chrome().sets_clock_to(300));
    assert!(judge(&before.fingerprint(High), &after.fingerprint(Low)).accepted);
    assert!(!judge(&before.fingerprint(Low), &after.fingerprint(High)).accepted);
}

#[test]
fn client_hint_versions_may_rise_or_be_missing() {
    let hints = |version: &str| {
        Guest::with_chrome().sends(
            evidence::SEC_CH_UA,
            format!(r#""Chromium";v="{version}", "Google Chrome";v="{version}", "Not A Brand";v="99""#),
        )
    };
    let before = Guest::with_chrome();
    assert_eq!(accepting_levels(&before, &hints("139")), [Low, Medium, High]);
    assert_eq!(accepting_levels(&before, &hints("145")), [Low, Medium]);
    assert_eq!(accepting_levels(&before, &hints("137")), []);
    assert_eq!(compare(&before, &hints("137")).broke, SignalSet::of(&[Signal::HintedVersion]));
    assert_eq!(accepting_levels(&before, &before.clone().omits(evidence::SEC_CH_UA)), [Low, Medium, High]);
}
