//! The fingerprint on its way through FederatedAuthService: with the feature on, a token is bound at its creation or
//! first refresh, and only a bound token is valid for a conversation.

use serde_json::{Value, json};
use shared_types::{
    AccountSid, DeploymentKey,
    fingerprint::{Evidence, FingerprintKey, FingerprintKeys, Mode, Sensitivity, Signals, generate},
};

use crate::api::{ACCOUNT, Fas, deployment, http::Answer, refreshing};

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
     Chrome/146.0.0.0 Safari/537.36";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0";

/// The fingerprint of a browser with this `User-Agent`.
fn of(user_agent: &str) -> Value {
    in_mode(Mode::Enforce, user_agent)
}

fn in_mode(mode: Mode, user_agent: &str) -> Value {
    let keys = FingerprintKeys::new(vec![FingerprintKey::new(vec![7; 32]).unwrap()]).unwrap();
    let keys = keys.account(AccountSid::from_bits(1));
    let header = |name: &str| (name == "user-agent").then_some(user_agent.as_bytes());
    let evidence = Evidence::from_headers(header, None, DeploymentKey::from_bits(1));
    let signals = Signals::read(&evidence).unwrap();
    generate(&keys, &signals, Sensitivity::Medium, mode).as_str().into()
}

async fn token(fas: &Fas, fingerprint: Option<Value>) -> String {
    let mut fields = deployment();
    if let Some(fingerprint) = fingerprint {
        fields["fingerprint"] = fingerprint;
    }
    fas.posts(ACCOUNT, "", &fields).await.member("token")
}

async fn refreshes(fas: &Fas, fields: &Value) -> Answer {
    fas.posts(ACCOUNT, "/refresh", &refreshing(fields)).await
}

#[tokio::test]
async fn bound_tokens_are_valid_only_in_their_browser() {
    let fas = Fas::start().await;
    let token = token(&fas, Some(of(CHROME))).await;
    let own = json!({"token": token, "fingerprint": of(CHROME)});
    let others = json!({"token": token, "fingerprint": of(FIREFOX)});
    for (own, others) in [
        (refreshes(&fas, &own).await, refreshes(&fas, &others).await),
        (fas.posts(ACCOUNT, "/validate", &own).await, fas.posts(ACCOUNT, "/validate", &others).await),
    ] {
        assert_eq!(own.status, 200);
        others.is_refusal(403, "fingerprint_invalid");
    }
}

#[tokio::test]
async fn bound_tokens_stay_bound_after_refresh() {
    let fas = Fas::start().await;
    let first = token(&fas, Some(of(CHROME))).await;
    for fields in [json!({"token": first}), json!({"token": first, "fingerprint": of(CHROME)})] {
        let refreshed = refreshes(&fas, &fields).await.member("token");
        let thief = json!({"token": refreshed, "fingerprint": of(FIREFOX)});
        fas.posts(ACCOUNT, "/validate", &thief).await.is_refusal(403, "fingerprint_invalid");
    }
}

#[tokio::test]
async fn unbound_tokens_can_only_be_refreshed_and_the_first_refresh_binds_them() {
    let fas = Fas::start().await;
    let unbound = token(&fas, None).await;
    let with_chrome = |token: &str| json!({"token": token, "fingerprint": of(CHROME)});
    fas.posts(ACCOUNT, "/validate", &with_chrome(&unbound)).await.is_refusal(403, "fingerprint_invalid");
    let bound = refreshes(&fas, &with_chrome(&unbound)).await.member("token");
    assert_eq!(fas.posts(ACCOUNT, "/validate", &with_chrome(&bound)).await.status, 200);
    let thief = json!({"token": bound, "fingerprint": of(FIREFOX)});
    refreshes(&fas, &thief).await.is_refusal(403, "fingerprint_invalid");
}

#[tokio::test]
async fn unbound_tokens_are_accepted_in_shadow_mode() {
    let fas = Fas::start().await;
    let unbound = token(&fas, None).await;
    let shown = json!({"token": unbound, "fingerprint": in_mode(Mode::Shadow, CHROME)});
    assert_eq!(fas.posts(ACCOUNT, "/validate", &shown).await.status, 200);
}
