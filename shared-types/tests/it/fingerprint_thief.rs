//! The adaptive thief, and the least number of signals that must hold.

use shared_types::fingerprint::{self as fp, BoundFingerprint, Sensitivity, Signal, SignalSet, evidence};

use crate::fingerprint_support::{CHROME, Guest, SAFARI, accepting_levels, judge};
use Sensitivity::{High, Low, Medium};

#[test]
fn another_set_of_names_is_another_browser() {
    let g = Guest::with_chrome;
    for name in ["Edg/138.0.0.0", "Vivaldi/7.5", "(Ecosia windows@138)", "[FBAN/FBIOS]"] {
        let after = g().sends(evidence::USER_AGENT, format!("{CHROME} {name}"));
        assert_eq!(accepting_levels(&g(), &after), [Low], "{name}");
        assert_eq!(accepting_levels(&after, &g()), [Low], "{name}");
        assert_eq!(
            judge(&g().fingerprint(Medium), &after.fingerprint(Medium)).last.broke,
            SignalSet::of(&[Signal::Family])
        );
        let one_more = after
            .clone()
            .sends(evidence::ACCEPT_ENCODING, "br")
            .sends(evidence::ACCEPT_LANGUAGE, "fr")
            .comes_from("198.51.100.1");
        assert_eq!(accepting_levels(&g(), &one_more), [Low], "6 points, and 4");
        let travelling = after.clone().sets_clock_to(300).comes_from("198.51.100.1");
        assert_eq!(accepting_levels(&g(), &travelling), [], "6 points, and 5");
        let with_hints = after.sends(evidence::SEC_CH_UA, r#""Microsoft Edge";v="138", "Chromium";v="138""#);
        assert_eq!(accepting_levels(&g(), &with_hints), [], "6 points, and 8 of the brand");
    }
    // Versions of two browsers are not compared.
    let older = g().sends(evidence::USER_AGENT, format!("{} Edg/100.0", CHROME.replace("138", "100")));
    assert_eq!(accepting_levels(&g(), &older), [Low]);
}

#[test]
fn the_adaptive_thief_is_refused() {
    // Token and loginTimestamp, the right browser, and nothing else.
    for guest in [Guest::with_chrome(), Guest::with_safari()] {
        let omitting = [
            evidence::ACCEPT_LANGUAGE,
            evidence::ACCEPT_ENCODING,
            evidence::SEC_CH_UA,
            evidence::SEC_CH_UA_MOBILE,
            evidence::SEC_CH_UA_PLATFORM,
            evidence::DECODERS,
            evidence::USER_SETTINGS,
        ];
        let thief = omitting.into_iter().fold(guest.clone(), Guest::omits);
        assert_eq!(accepting_levels(&guest, &thief), []);
        // All that most browsers send, too.
        let thief = guest
            .clone()
            .omits(evidence::ACCEPT_LANGUAGE)
            .sends(evidence::USER_SETTINGS, r#"{"cookieEnabled":true}"#);
        assert_eq!(accepting_levels(&guest, &thief), []);
    }
}

#[test]
fn of_a_browser_with_few_signals_all_must_hold() {
    let bare = || {
        let Guest { headers, client, deployment_key } = Guest::with_safari();
        let headers = headers.into_iter().filter(|(name, _)| *name == evidence::USER_AGENT).collect();
        Guest { headers, client, deployment_key }.sends(evidence::ACCEPT_ENCODING, "gzip, deflate, br")
    };
    let updated = bare().sends(evidence::USER_AGENT, SAFARI.replace("Version/18", "Version/26"));
    assert_eq!(accepting_levels(&bare(), &updated.comes_from("198.51.100.1")), [Low, Medium, High]);
    // Three counted signals are enough for `low`.
    assert_eq!(accepting_levels(&bare(), &bare().omits(evidence::ACCEPT_ENCODING)), [Low]);
    // Nothing but another network is tolerated.
    let refused = bare().sends(evidence::ACCEPT_ENCODING, "gzip").comes_from("198.51.100.1");
    assert_eq!(accepting_levels(&bare(), &refused), [Low]);
    for (level, enough) in [(Low, true), (Medium, false), (High, false)] {
        assert_eq!(bare().fingerprint(level).has_enough_signals(level), enough);
    }
    let more = bare()
        .sends(evidence::ACCEPT_LANGUAGE, "de")
        .sends(evidence::WEBCHAT_INFO, r#"{"loginTimestamp":1}"#);
    assert!(more.fingerprint(High).has_enough_signals(High));
    // Not even a counted signal whose price is that of a network.
    let cookies =
        |enabled: bool| bare().sends(evidence::USER_SETTINGS, format!(r#"{{"cookieEnabled":{enabled}}}"#));
    assert_eq!(accepting_levels(&cookies(false), &cookies(true)), [Low]);
    // Usual values are not counted, others are.
    let usual = |settings| bare().sends(evidence::USER_SETTINGS, settings).fingerprint(High);
    assert!(!usual(r#"{"cookieEnabled":true}"#).has_enough_signals(Medium));
    assert!(usual(r#"{"cookieEnabled":false}"#).has_enough_signals(Medium));
}

#[test]
fn a_least_number_of_signals_must_hold() {
    // Five counted signals, of which the language costs two points.
    let guest = Guest::with_safari()
        .omits(evidence::USER_SETTINGS)
        .sends(evidence::DECODERS, "{}")
        .sends(evidence::ACCEPT_LANGUAGE, "de");
    let other = guest.clone().sends(evidence::ACCEPT_LANGUAGE, "fr");
    let compared = judge(&guest.fingerprint(High), &other.fingerprint(High)).last;
    assert_eq!((compared.points, compared.counted, compared.least), (2, 4, 5));
    assert_eq!(accepting_levels(&guest, &other), [Low, Medium]);
}

#[test]
fn the_least_number_must_also_hold_since_the_start_of_the_session() {
    // Six counted signals, two of them with unusual values.
    let of = |language: &str, audio: bool| {
        Guest::with_safari()
            .omits(evidence::WEBCHAT_INFO)
            .sends(evidence::USER_SETTINGS, r#"{"cookieEnabled":false}"#)
            .sends(evidence::DECODERS, format!(r#"{{"audio":{{"supported":{audio}}}}}"#))
            .sends(evidence::ACCEPT_LANGUAGE, language)
            .fingerprint(High)
    };
    let (first, sealed, presented) = (of("de", false), of("fr", false), of("fr", true));
    assert!(judge(&first, &sealed).accepted && judge(&sealed, &presented).accepted);
    let bound = BoundFingerprint { sealed: &sealed, first: Some(&first), key_is_proved: false };
    let verdict = fp::judge(bound, &presented);
    let since = verdict.since_session_start.unwrap();
    assert_eq!((since.points, since.budget, since.counted, since.least), (3, 3, 4, 5));
    assert!(!verdict.accepted);
}
