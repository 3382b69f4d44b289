//! Requests of a page to another service, which lack the widget's headers (contract, section 13).

use shared_types::fingerprint::{Fingerprint, Mode, Sensitivity, SignalSet, evidence};

use crate::fingerprint_support::{Guest, judge, judge_with_key};

/// The widget's headers.
const WIDGET: [&str; 3] = [evidence::DECODERS, evidence::USER_SETTINGS, evidence::WEBCHAT_INFO];

fn without_widget(guest: Guest) -> Guest {
    WIDGET.into_iter().fold(guest, Guest::omits)
}

fn of_page(guest: &Guest, level: Sensitivity) -> Fingerprint {
    guest.fingerprint(level).with_optional_widget()
}

#[test]
fn with_the_sessions_key_the_widgets_signals_may_be_missing() {
    for (guest, level) in [Guest::with_chrome(), Guest::with_safari()]
        .into_iter()
        .flat_map(|guest| Sensitivity::ALL.map(|level| (guest.clone(), level)))
    {
        let (sealed, presented) = (guest.fingerprint(level), of_page(&without_widget(guest.clone()), level));
        let verdict = judge_with_key(&sealed, &presented);
        assert!(verdict.accepted && verdict.strictest == Some(Sensitivity::High), "{level:?}");
        assert_eq!((verdict.last.points, verdict.drifted()), (0, SignalSet::EMPTY), "no audit event");
        // Without the key, or on another route, nothing changes.
        assert!(!judge(&sealed, &presented).accepted);
        let elsewhere = without_widget(guest).fingerprint(level);
        assert!(!judge_with_key(&sealed, &elsewhere).accepted);
        assert_eq!(judge(&sealed, &presented), judge(&sealed, &elsewhere));
    }
}

#[test]
fn every_other_difference_counts() {
    let level = Sensitivity::Low;
    let guest = || without_widget(Guest::with_chrome());
    let sealed = Guest::with_chrome().fingerprint(level);
    for (change, after) in [
        ("another login", guest().sends(evidence::WEBCHAT_INFO, r#"{"loginTimestamp":"1"}"#)),
        ("another system", guest().sends(evidence::USER_AGENT, crate::fingerprint_support::SAFARI)),
        ("another page", guest().sends(evidence::ORIGIN, "https://evil.example")),
    ] {
        assert!(!judge_with_key(&sealed, &of_page(&after, level)).accepted, "{change}");
    }
    let no_languages = guest().omits(evidence::ACCEPT_LANGUAGE);
    assert_eq!(judge_with_key(&sealed, &of_page(&no_languages, level)).last.points, 3);
}

#[test]
fn level_mode_and_length_stay() {
    let fingerprint = Guest::with_chrome().fingerprint(Sensitivity::High);
    let of_page = fingerprint.with_optional_widget();
    assert_eq!((of_page.mode(), of_page.as_str().len()), (Mode::Enforce, fingerprint.as_str().len()));
    assert_eq!(of_page.as_str(), fingerprint.as_str().replacen("fp2.he", "fp2.hE", 1));
    let verdict = judge_with_key(&fingerprint, &of_page);
    assert_eq!(verdict, judge_with_key(&fingerprint, &fingerprint));
}
