//! `SAS ->> SAS: Validates token and fingerprint`: the verdict when a browser presents a token. How much of a browser
//! may change is tested with the fingerprint policy; here are the combinations of bound and presented fingerprint.

use serde_json::{Value, json};
use shared_types::{
    AccountSid, DeploymentKey,
    fingerprint::{Evidence, FingerprintKey, FingerprintKeys, Mode, Sensitivity, Signals, generate},
};

use crate::api::{Sas, generate_request, refresh_request};

pub(crate) const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
     Chrome/146.0.0.0 Safari/537.36";
pub(crate) const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0";

/// The fingerprint of a browser with this `User-Agent`.
pub(crate) fn of(user_agent: &str) -> String {
    let keys = FingerprintKeys::new(vec![FingerprintKey::new(vec![7; 32]).unwrap()]).unwrap();
    let keys = keys.account(AccountSid::from_bits(1));
    let header = |name: &str| match name {
        "user-agent" => Some(user_agent.as_bytes()),
        "origin" => Some(&b"https://shop.example.com"[..]),
        _ => None,
    };
    let evidence = Evidence::from_headers(header, None, DeploymentKey::from_bits(1));
    let signals = Signals::read(&evidence).unwrap();
    generate(&keys, &signals, Sensitivity::Medium, Mode::Enforce).as_str().to_owned()
}

/// The verdict on a token bound to `bound` and presented by `presented`, and the fingerprint of its successor.
async fn verdict(sas: &Sas, bound: Option<&str>, presented: Option<&str>) -> (Value, Option<String>) {
    let token = sas.token(&generate_request(json!({"fingerprint": bound}))).await;
    let mut fields = refresh_request(&token, json!({"fingerprint": presented}));
    let refreshed = sas.validates(&fields).await.body();
    fields.as_object_mut().unwrap().remove("successor");
    let verdict = sas.validates(&fields).await.body();
    assert_eq!(verdict["authorized"], refreshed["authorized"], "a refresh judges as every call does");
    let Some(successor) = refreshed["successor"]["token"].as_str() else { return (verdict, None) };
    let fingerprint = sas.claims(successor).fingerprint;
    (verdict, fingerprint.map(|fingerprint| fingerprint.as_str().to_owned()))
}

#[tokio::test]
async fn the_original_browser_is_accepted() {
    let sas = Sas::start().await;
    let chrome = of(CHROME);
    let (verdict, sealed) = verdict(&sas, Some(&chrome), Some(&chrome)).await;
    assert_eq!((&verdict["authorized"], &verdict["bound"]), (&json!(true), &json!(true)));
    assert_eq!(sealed, Some(chrome));
}

#[tokio::test]
async fn updated_browsers_are_accepted_and_the_successor_rebinds() {
    let sas = Sas::start().await;
    let updated = of(&CHROME.replace("146", "147"));
    let (verdict, sealed) = verdict(&sas, Some(&of(CHROME)), Some(&updated)).await;
    assert_eq!((&verdict["authorized"], sealed), (&json!(true), Some(updated)));
}

#[tokio::test]
async fn another_browser_is_rejected_without_reason_or_signals() {
    let sas = Sas::start().await;
    let (verdict, _) = verdict(&sas, Some(&of(CHROME)), Some(&of(FIREFOX))).await;
    assert_eq!(verdict["authorized"], false);
    assert_eq!(verdict["message"], "fingerprint_validation_failed");
    let names: Vec<&str> = verdict.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["authorized", "message", "auth_account"]);
}

/// Fingerprints that cannot be compared with one of [`of`]: other formats, and another key.
pub(crate) fn incomparable() -> [String; 4] {
    let chrome = of(CHROME);
    [
        "fp2.nonsense".into(),
        "nonsense".into(),
        chrome.replacen("fp2", "fp3", 1),
        // The first characters of the payload are the key's id.
        format!("fp2.me.AAA{}", chrome.strip_prefix("fp2.me.").unwrap().split_at(3).1),
    ]
}

#[tokio::test]
async fn an_unknown_key_or_format_is_an_operators_fault() {
    let sas = Sas::start().await;
    for other in incomparable() {
        for (sealed, presented) in [(of(CHROME), other.clone()), (other.clone(), of(CHROME))] {
            let token = sas.token(&generate_request(json!({"fingerprint": sealed}))).await;
            for fields in [
                refresh_request(&token, json!({"fingerprint": presented})),
                json!({"token": token, "fingerprint": presented}),
            ] {
                sas.validates(&fields).await.is_refusal(503, "upstream_unavailable");
            }
        }
        // Nothing has moved: the fingerprint is compared as soon as the key is back.
        let token = sas.token(&generate_request(json!({"fingerprint": of(CHROME)}))).await;
        let fields = |fingerprint: &str| refresh_request(&token, json!({"fingerprint": fingerprint}));
        sas.validates(&fields(&other)).await.is_refusal(503, "upstream_unavailable");
        assert_eq!(sas.validates(&fields(&of(CHROME))).await.body()["authorized"], true);
    }
    let metrics = sas.metrics().await;
    assert!(metrics.contains(r#"tokens_judged_total{verdict="incomparable"}"#), "{metrics}");
}

#[tokio::test]
async fn with_a_proof_an_incomparable_session_is_bound_anew() {
    let sas = Sas::start().await;
    let jkt = "A".repeat(43);
    for other in incomparable() {
        let token = sas.token(&generate_request(json!({"fingerprint": other, "jkt": jkt}))).await;
        let fields = refresh_request(&token, json!({"fingerprint": of(CHROME), "jkt": jkt}));
        let refreshed = sas.validates(&fields).await.body();
        assert_eq!(refreshed["authorized"], true, "{refreshed}");
        let claims = sas.claims(refreshed["successor"]["token"].as_str().unwrap());
        assert_eq!(claims.fingerprint.map(String::from), Some(of(CHROME)));
        assert_eq!(claims.first_fingerprint, None);
        // Without a proof, nothing is served.
        let blind = json!({"token": token, "fingerprint": of(CHROME)});
        assert_eq!(sas.validates(&blind).await.body()["message"], "proof_validation_failed");
    }
}

#[tokio::test]
async fn without_a_presented_fingerprint_only_the_token_is_checked() {
    let sas = Sas::start().await;
    let chrome = of(CHROME);
    let (verdict, sealed) = verdict(&sas, Some(&chrome), None).await;
    assert_eq!((&verdict["authorized"], &verdict["bound"]), (&json!(true), &json!(true)));
    assert_eq!(sealed, Some(chrome), "and its successor stays bound");
}

#[tokio::test]
async fn unbound_tokens_are_accepted_and_their_successor_is_bound() {
    let sas = Sas::start().await;
    let firefox = of(FIREFOX);
    let (verdict, sealed) = verdict(&sas, None, Some(&firefox)).await;
    assert_eq!((&verdict["authorized"], &verdict["bound"]), (&json!(true), &json!(false)));
    assert_eq!(sealed, Some(firefox));
}

#[tokio::test]
async fn token_errors_precede_fingerprint_errors() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({"fingerprint": of(CHROME)}))).await;
    sas.clock.advance(chrono::TimeDelta::hours(2));
    let verdict = sas.validates(&json!({"token": token, "fingerprint": of(FIREFOX)})).await.body();
    assert_eq!(verdict["reason"], "expired_token");
}

#[tokio::test]
async fn signed_tokens_are_bound_like_encrypted_ones() {
    let sas = Sas::start().await;
    let token = sas.token(&generate_request(json!({"fingerprint": of(CHROME), "encrypt": false}))).await;
    let verdict = sas.validates(&json!({"token": token, "fingerprint": of(FIREFOX)})).await.body();
    assert_eq!(verdict["message"], "fingerprint_validation_failed");
}
