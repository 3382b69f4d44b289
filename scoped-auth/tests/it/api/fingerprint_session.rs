//! The fingerprint in the course of a session: bounded drift, rotation of the fingerprint key, and no rebinding in
//! `shadow` mode.

use serde_json::json;
use shared_types::{
    AccountSid, DeploymentKey, Fingerprint,
    fingerprint::{Evidence, FingerprintKey, FingerprintKeys, Mode, Sensitivity, Signals, generate},
};

use crate::api::{Sas, generate_request, refresh_request};

/// A browser, as FlexWebchatOrchestratorService presents it.
struct Browser {
    major: u16,
    system: &'static str,
    level: Sensitivity,
    mode: Mode,
    keys: &'static [u8],
}

impl Browser {
    fn new(major: u16) -> Self {
        Self {
            major,
            system: "Windows NT 10.0; Win64; x64",
            level: Sensitivity::High,
            mode: Mode::Enforce,
            keys: b"a",
        }
    }

    fn fingerprint(&self) -> String {
        let Self { major, system, .. } = self;
        let agent = format!(
            "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36"
        );
        let header = |name: &str| (name == "user-agent").then_some(agent.as_bytes());
        let evidence = Evidence::from_headers(header, None, DeploymentKey::from_bits(1));
        let keys = self.keys.iter().map(|byte| FingerprintKey::new(vec![*byte; 32]).unwrap()).collect();
        let keys = FingerprintKeys::new(keys).unwrap().account(AccountSid::from_bits(1));
        let signals = Signals::read(&evidence).unwrap();
        generate(&keys, &signals, self.level, self.mode).as_str().to_owned()
    }
}

/// The browser that a token is bound to, and the browser that its session started with, if different.
fn binding(sas: &Sas, token: &str) -> (String, Option<String>) {
    let claims = sas.claims(token);
    let text = |fingerprint: Fingerprint| fingerprint.as_str().to_owned();
    (text(claims.fingerprint.unwrap()), claims.first_fingerprint.map(text))
}

#[tokio::test]
async fn slow_drift_is_accepted_within_bounds_of_the_first_fingerprint() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({"fingerprint": Browser::new(140).fingerprint()}))).await;
    let same = sas.refreshes(&token, &Browser::new(140).fingerprint()).await.1.unwrap();
    assert_eq!(binding(&sas, &same).1, None, "nothing has changed yet");
    let newer = sas.refreshes(&same, &Browser::new(144).fingerprint()).await.1.unwrap();
    assert_eq!(binding(&sas, &newer).1, Some(Browser::new(140).fingerprint()));
    // Two more steps are a small change since the last refresh, but too large since the start.
    let (verdict, newest) = sas.refreshes(&newer, &Browser::new(147).fingerprint()).await;
    assert_eq!((verdict["message"].as_str(), newest), (Some("fingerprint_validation_failed"), None));
    let next = sas.refreshes(&newer, &Browser::new(146).fingerprint()).await.1.unwrap();
    assert_eq!(binding(&sas, &next).1, Some(Browser::new(140).fingerprint()));
    let back = sas.refreshes(&next, &Browser::new(145).fingerprint()).await;
    assert_eq!(back.0["authorized"], false, "versions go forwards only, seen from the last refresh");
}

#[tokio::test]
async fn fingerprint_key_rotation_keeps_sessions() {
    let sas = Sas::start().await;
    let shown = |major, keys| Browser { keys, ..Browser::new(major) }.fingerprint();
    let mut token = sas.token(&generate_request(json!({"fingerprint": shown(140, b"a")}))).await;
    for (major, keys) in [(140, b"ab".as_slice()), (141, b"ba"), (141, b"ba"), (142, b"b"), (143, b"b")] {
        let thief = Browser { system: "X11; Linux x86_64", keys, ..Browser::new(major) }.fingerprint();
        assert_eq!(sas.refreshes(&token, &thief).await.0["authorized"], false);
        token = sas.refreshes(&token, &shown(major, keys)).await.1.unwrap();
        let (sealed, _) = binding(&sas, &token);
        assert!(!sealed.contains('~'), "the token holds only the active key's fingerprint");
    }
    // The first fingerprint was made with a key that was removed; the session continues from the fingerprints sealed
    // since.
    let next = sas.refreshes(&token, &shown(144, b"b")).await.1.unwrap();
    assert_eq!(binding(&sas, &next).1, Some(shown(141, b"b")));
    let fields = refresh_request(&next, json!({"fingerprint": shown(144, b"c")}));
    sas.validates(&fields).await.is_refusal(503, "upstream_unavailable");
}

#[tokio::test]
async fn shadow_mode_serves_and_counts_rejections_without_rebinding() {
    let sas = Sas::start().await;
    let guest = Browser { mode: Mode::Shadow, ..Browser::new(140) };
    let thief = Browser { system: "X11; Linux x86_64", mode: Mode::Shadow, ..Browser::new(140) };
    let token = sas.token(&generate_request(json!({"fingerprint": guest.fingerprint()}))).await;
    let (verdict, next) = sas.refreshes(&token, &thief.fingerprint()).await;
    assert_eq!((&verdict["authorized"], &verdict["bound"]), (&json!(true), &json!(true)));
    let token = next.unwrap();
    assert_eq!(binding(&sas, &token).0, guest.fingerprint(), "the binding stays");
    // Once it is enforced, the guest is accepted and the thief rejected.
    let enforced = |browser: Browser| Browser { mode: Mode::Enforce, ..browser }.fingerprint();
    let of_thief = enforced(Browser { system: "X11; Linux x86_64", ..Browser::new(140) });
    assert_eq!(sas.refreshes(&token, &of_thief).await.0["authorized"], false);
    assert_eq!(sas.refreshes(&token, &enforced(Browser::new(141))).await.0["authorized"], true);

    let metrics = sas.metrics().await;
    for line in [
        r#"fingerprints_judged_total{verdict="refused_in_shadow",strictest_level="none"} 1"#,
        r#"fingerprints_judged_total{verdict="refused",strictest_level="none"} 1"#,
        r#"fingerprints_judged_total{verdict="accepted",strictest_level="high"} 1"#,
        r#"fingerprint_signals_total{signal="operating_system",outcome="broke"} 2"#,
        r#"fingerprint_signals_total{signal="operating_system",outcome="held"} 1"#,
        r#"fingerprint_signals_total{signal="major_version",outcome="drifted"} 1"#,
        r#"fingerprint_signals_total{signal="network",outcome="held"} 0"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "missing line {line}\nin\n{metrics}");
    }
}

#[tokio::test]
async fn shadow_mode_resumes_expired_tokens_only_for_their_browser() {
    let sas = Sas::start().await;
    let guest = Browser { mode: Mode::Shadow, ..Browser::new(140) };
    let thief = Browser { system: "X11; Linux x86_64", mode: Mode::Shadow, ..Browser::new(140) };
    let token = sas.token(&generate_request(json!({"fingerprint": guest.fingerprint()}))).await;
    sas.clock.advance(chrono::TimeDelta::hours(2));
    assert_eq!(sas.refreshes(&token, &thief.fingerprint()).await.0["reason"], "expired_token");
    assert_eq!(sas.refreshes(&token, &guest.fingerprint()).await.0["authorized"], true);
}
