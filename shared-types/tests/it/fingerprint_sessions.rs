//! A fingerprint in the course of a session: gradual change, key rings, format versions, the mode, and the verdict of
//! other levels.

use shared_types::{
    AccountSid, Fingerprint,
    fingerprint::{self as fp, BoundFingerprint, Mode, Sensitivity, Signals, evidence, generate},
};

use crate::fingerprint_support::{Guest, USER_SETTINGS, judge, ring};
use Sensitivity::{High, Low, Medium};

/// The number of refreshes with these successive changes that are accepted; each accepted one is sealed.
fn accepted_steps(level: Sensitivity, steps: &[Guest]) -> usize {
    let first = Guest::with_chrome().fingerprint(level);
    let mut sealed = first.clone();
    let accepted = steps.iter().take_while(|guest| {
        let presented = guest.fingerprint(level);
        let verdict = fp::judge(
            BoundFingerprint { sealed: &sealed, first: Some(&first), key_is_proved: false },
            &presented,
        );
        sealed = presented;
        verdict.accepted
    });
    accepted.count()
}

#[test]
fn slow_drift_is_accepted_and_bounded_over_the_session() {
    let at = |minutes: i16, languages: &str, codings: &str, cookies: &str| {
        let settings = USER_SETTINGS.replace("-60", &minutes.to_string()).replace("true", cookies);
        let settings = settings.replace("de-DE", languages);
        (Guest::with_chrome().sends(evidence::USER_SETTINGS, settings))
            .sends(evidence::ACCEPT_LANGUAGE, languages)
            .sends(evidence::ACCEPT_ENCODING, codings)
    };
    // Each step is small; together they are another browser.
    let steps = [
        at(-60, "fr", "gzip, deflate, br, zstd", "true"),
        at(-60, "fr", "gzip", "true"),
        at(300, "fr", "gzip", "true"),
        at(300, "fr", "gzip", "false"),
        at(300, "fr", "gzip", "false").sends(evidence::SEC_CH_UA_PLATFORM, r#""Linux""#),
    ];
    assert_eq!([Low, Medium, High].map(|level| accepted_steps(level, &steps)), [4, 3, 0]);
    // Repeated clock shifts of an hour are travel.
    let hours = [-120, -180, -240].map(|minutes| Guest::with_chrome().sets_clock_to(minutes));
    assert_eq!([Low, Medium, High].map(|level| accepted_steps(level, &hours)), [3, 3, 1]);
    // Updates add up too.
    let updates = [144, 150, 156, 162, 163].map(|major| Guest::with_chrome().updates_chrome_to(major));
    assert_eq!([Low, Medium, High].map(|level| accepted_steps(level, &updates)), [4, 2, 1]);
    // Changes that come and go, such as a VPN and a second language, do not add up.
    let away = at(300, "fr", "gzip, deflate, br, zstd", "true").comes_from("198.51.100.1");
    let to_and_fro: Vec<_> = (0..40).flat_map(|_| [away.clone(), Guest::with_chrome()]).collect();
    assert_eq!(accepted_steps(Low, &to_and_fro), 80);
}

#[test]
fn rejections_against_the_first_fingerprint_name_their_signals() {
    let first = Guest::with_chrome().fingerprint(High);
    let sealed = Guest::with_chrome().updates_chrome_to(144).fingerprint(High);
    let presented = Guest::with_chrome().updates_chrome_to(145).fingerprint(High);
    let verdict = fp::judge(
        BoundFingerprint { sealed: &sealed, first: Some(&first), key_is_proved: false },
        &presented,
    );
    assert_eq!((verdict.accepted, verdict.strictest), (false, Some(Medium)));
    assert_eq!(
        (verdict.broke().to_string().as_str(), verdict.last.broke.is_empty()),
        ("major_version", true)
    );
    assert!(verdict.drifted().is_empty());
}

#[test]
fn verdicts_list_the_accepting_levels() {
    let before = Guest::with_chrome();
    for (after, strictest) in [
        (before.clone(), Some(High)),
        (before.clone().sets_clock_to(300), Some(Medium)),
        (before.clone().sends(evidence::SEC_CH_UA_PLATFORM, r#""Linux""#), Some(Low)),
        (Guest::with_safari(), None),
    ] {
        for level in Sensitivity::ALL {
            let verdict = judge(&before.fingerprint(level), &after.fingerprint(level));
            assert_eq!(verdict.strictest, strictest);
            assert_eq!(verdict.accepted, strictest.is_some_and(|strictest| strictest as u8 >= level as u8));
        }
    }
}

#[test]
fn key_rotation_keeps_a_session() {
    let guest = Guest::with_chrome();
    let thief = Guest::with_safari();
    let of = |keys: &[u8], guest: &Guest| {
        let keys = ring(keys).account(AccountSid::from_bits(1));
        generate(&keys, &guest.shows(), Medium, Mode::Enforce)
    };
    // First a known key, then the active one, then the only one.
    let mut sealed = of(b"a", &guest).preferred();
    let first = sealed.clone();
    for keys in [b"ab".as_slice(), b"ba", b"b"] {
        let presented = of(keys, &guest);
        assert_eq!(presented.as_str().len(), 128 * keys.len() - 1);
        let bound = BoundFingerprint { sealed: &sealed, first: Some(&first), key_is_proved: false };
        let verdict = fp::judge(bound, &presented);
        assert!(verdict.accepted && verdict.comparable);
        assert_eq!(verdict.since_session_start.is_some(), keys.contains(&b'a'));
        assert!(!fp::judge(bound, &of(keys, &thief)).accepted);
        sealed = presented.preferred();
        assert_eq!(sealed.as_str().len(), 127);
    }
    // A key removed too early leaves nothing to compare.
    let verdict = judge(&of(b"a", &guest), &of(b"b", &guest));
    assert!(!verdict.accepted && !verdict.comparable);
}

#[test]
fn later_format_versions_are_ignored() {
    let guest = Guest::with_chrome().fingerprint(Medium);
    let parsed = |text: &str| Fingerprint::new(text.to_owned()).unwrap();
    let later = format!("fp3.{}", "x".repeat(100));
    for presented in [format!("{later}~{}", guest.as_str()), format!("{}~{later}", guest.as_str())] {
        assert!(judge(&guest, &parsed(&presented)).accepted, "{presented}");
    }
    assert_eq!(parsed(&format!("{later}~{}", guest.as_str())).preferred().as_str(), later);
    for (sealed, presented) in [(&guest, &parsed(&later)), (&parsed(&later), &guest)] {
        let verdict = judge(sealed, presented);
        assert!(!verdict.accepted && !verdict.comparable && verdict.last.held.is_empty());
    }
}

#[test]
fn the_mode_comes_from_the_presented_fingerprint() {
    let keys = ring(b"k").account(AccountSid::from_bits(1));
    let of = |signals: &Signals<'_>, mode| generate(&keys, signals, Medium, mode);
    let (guest, thief) = (Guest::with_chrome(), Guest::with_safari());
    for (sealed, presented) in [(Mode::Shadow, Mode::Enforce), (Mode::Enforce, Mode::Shadow)] {
        let verdict = judge(&of(&guest.shows(), sealed), &of(&thief.shows(), presented));
        assert_eq!((verdict.accepted, verdict.mode), (false, presented));
        assert_eq!(of(&guest.shows(), presented).mode(), presented);
    }
    // Unreadable fingerprints are rejected.
    assert_eq!(Fingerprint::new("fp3.ms.x".to_owned()).unwrap().mode(), Mode::Enforce);
}
