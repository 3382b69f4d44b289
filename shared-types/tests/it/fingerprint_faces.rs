//! The faces of a browser: the systems and forms that it reports in turn.

use shared_types::fingerprint::{self as fp, BoundFingerprint, Sensitivity, Signal, SignalSet, evidence};

use crate::fingerprint_support::{CHROME, Guest, accepting_levels, judge, judge_with_key};
use Sensitivity::{High, Low, Medium};

const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15";
const IPAD: &str = "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";
const PHONE: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36";
const DESKTOP: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";

fn safari(agent: &str) -> Guest {
    Guest::with_safari().sends(evidence::USER_AGENT, agent)
}

/// Chrome with client hints that agree with this User-Agent.
fn chrome(agent: &str) -> Guest {
    let (mobile, platform) = match (agent.contains("Mobile"), agent.contains("Android")) {
        (true, _) => ("?1", r#""Android""#),
        (false, true) => ("?0", r#""Android""#),
        (false, false) => ("?0", r#""Linux""#),
    };
    Guest::with_chrome()
        .sends(evidence::USER_AGENT, agent)
        .sends(evidence::SEC_CH_UA_MOBILE, mobile)
        .sends(evidence::SEC_CH_UA_PLATFORM, platform)
}

#[test]
fn another_face_is_accepted_up_to_medium_and_with_a_key_everywhere() {
    let folded = PHONE.replace("Mobile ", "");
    let firefox =
        |form: &str| safari(&format!("Mozilla/5.0 (Android 14; {form}; rv:147.0) Gecko/147.0 Firefox/147.0"));
    for (before, after) in [
        (safari(MAC), safari(IPAD)),
        (chrome(PHONE), chrome(&folded)),
        (chrome(PHONE), chrome(DESKTOP)),
        (chrome(&folded), chrome(DESKTOP)),
        (firefox("Mobile"), firefox("Tablet")),
    ] {
        for (before, after) in [(&before, &after), (&after, &before)] {
            assert_eq!(accepting_levels(before, after), [Low, Medium]);
            let compared = judge(&before.fingerprint(Medium), &after.fingerprint(Medium)).last;
            assert_eq!(compared.points, 4, "once, whatever it consists of");
            let strict = judge(&before.fingerprint(High), &after.fingerprint(High)).last;
            assert_eq!((strict.broke, strict.points), (compared.drifted, 0));
            let proved = judge_with_key(&before.fingerprint(High), &after.fingerprint(High));
            assert!(proved.accepted);
            assert_eq!((proved.last.drifted, proved.last.points), (compared.drifted, 0));
        }
    }
    let compared = judge(&chrome(PHONE).fingerprint(Medium), &chrome(DESKTOP).fingerprint(Medium)).last;
    assert_eq!(compared.drifted, SignalSet::of(&[Signal::OperatingSystem, Signal::Mobile, Signal::Platform]));
}

#[test]
fn other_systems_are_no_faces() {
    let windows = Guest::with_chrome();
    for after in [
        windows.clone().sends(evidence::SEC_CH_UA_MOBILE, "?1"),
        chrome(PHONE),
        windows
            .clone()
            .sends(evidence::USER_AGENT, CHROME.replace("Windows NT 10.0; Win64; x64", "X11; CrOS x86_64")),
    ] {
        assert_eq!(accepting_levels(&windows, &after), []);
        assert_eq!(accepting_levels(&after, &windows), []);
        assert!(!judge_with_key(&windows.fingerprint(Low), &after.fingerprint(Low)).accepted);
    }
    assert_eq!(accepting_levels(&safari(MAC), &safari(DESKTOP)), []);
}

#[test]
fn a_face_has_the_same_names_and_version() {
    let updated = IPAD.replace("Version/26", "Version/27");
    assert_eq!(accepting_levels(&safari(MAC), &safari(&updated)), []);
    assert_eq!(accepting_levels(&safari(MAC), &safari(&format!("{IPAD} Ddg/26.0"))), []);
    assert!(judge_with_key(&safari(MAC).fingerprint(High), &safari(&updated).fingerprint(High)).accepted);
    assert!(
        !judge_with_key(&safari(&updated).fingerprint(Low), &safari(MAC).fingerprint(Low)).accepted,
        "backwards"
    );

    // Since the start of the session, the browser may have been updated too.
    let (first, sealed) = (safari(MAC).fingerprint(Medium), safari(&updated).fingerprint(Medium));
    let bound = BoundFingerprint { sealed: &sealed, first: Some(&first), key_is_proved: false };
    assert!(fp::judge(bound, &sealed).accepted);
}

#[test]
fn an_apps_desktop_mode_may_omit_its_own_names() {
    let app = PHONE.replace("Chrome/", "SamsungBrowser/28.0 Chrome/");
    for (before, after) in [(chrome(&app), chrome(DESKTOP)), (chrome(DESKTOP), chrome(&app))] {
        assert_eq!(accepting_levels(&before, &after), [Low, Medium]);
        let compared = judge(&before.fingerprint(Medium), &after.fingerprint(Medium)).last;
        assert!(compared.drifted.contains(Signal::Family) && compared.points == 4);
    }
    // Not on the same system, and not for the names of another app.
    assert_eq!(accepting_levels(&chrome(&app), &chrome(PHONE)), [Low]);
    assert_eq!(accepting_levels(&chrome(&app), &chrome(&PHONE.replace("Mobile ", ""))), []);
    assert_eq!(accepting_levels(&chrome(&app), &chrome(&format!("{DESKTOP} EdgA/138.0"))), []);
    // A desktop browser's own names are no mode of Chrome on a phone.
    assert_eq!(accepting_levels(&chrome(&format!("{DESKTOP} Edg/138.0")), &chrome(PHONE)), []);
}

#[test]
fn with_the_sessions_key_other_names_do_not_end_it() {
    let of = |agent: &str, level| safari(agent).fingerprint(level);
    let edge = format!("{DESKTOP} Edg/100.0");
    for level in Sensitivity::ALL {
        for (before, after) in
            [(DESKTOP, edge.as_str()), (edge.as_str(), DESKTOP), (MAC, "Mozilla/5.0 (Macintosh) X/1")]
        {
            let verdict = judge_with_key(&of(before, level), &of(after, level));
            assert!(verdict.accepted && verdict.drifted().contains(Signal::Family), "{after}");
            assert_eq!(verdict.last.points, 0);
        }
        // All else is judged as ever.
        let thief = safari(&edge).sends(evidence::WEBCHAT_INFO, r#"{"loginTimestamp":"1"}"#);
        assert!(!judge_with_key(&of(DESKTOP, level), &thief.fingerprint(level)).accepted);
    }
}
