//! The assertion diagrams.

use chrono::TimeDelta;
use local_stack::{Answer, Guest, config::ISSUER, demo};
use serde_json::json;

use crate::{
    diagram,
    sequences::{TestEnv, in_process, is_reloaded},
    verifier::Verifier,
};

const FILE: &str = "assertion.md";
pub(super) const AUDIENCE: &str = "https://api.example.com";
const ACCOUNT: &str = "AC00000000000000000000000000000001";

impl TestEnv {
    /// The customer's service, with the keys that are published now.
    pub(super) async fn verifier(&self) -> Verifier {
        let keys = self.guest_on().client().get(format!("{}/.well-known/jwks.json", self.stack.url));
        let keys = keys.send().await.unwrap().json().await.unwrap();
        let account_sid = ACCOUNT.to_owned();
        let (issuer, audience) = (ISSUER.to_owned(), AUDIENCE.to_owned());
        Verifier { keys, issuer, audience, account_sid, clock: self.plan.clock.clone() }
    }
}

pub(super) async fn asks(guest: &Guest, token: &str) -> Answer {
    guest.asks_for_assertion(token, AUDIENCE).await
}

#[track_caller]
pub(super) fn is_rejected(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.code()), (status, code), "{:?}", answer.body);
    assert!(answer.body.get("assertion").is_none());
}

test_support::on_both_engines! { TestEnv: the_page_gets_an_assertion }

async fn the_page_gets_an_assertion(env: TestEnv) {
    let guest = env.guest_on();
    let created = guest.creates_token().await;
    let token = created.text("token");
    env.recorder.take();
    let answer = asks(&guest, &token).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    assert_eq!(answer.body["expires_in"], 60);
    env.equals(FILE, "The page gets an assertion");

    let verifier = env.verifier().await;
    let before = verifier.claims(&answer.text("assertion")).unwrap();
    assert_eq!(before["sub"], created.body["identity"]);
    assert_eq!(before["deployment_key"], demo::DEPLOYMENT_ON);
    assert!(before.get("conversation_sid").is_none(), "none is open");

    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
    let refreshed = guest.refreshes_token(&token).await.text("token");
    for token in [&token, &refreshed] {
        let after = verifier.claims(&asks(&guest, token).await.text("assertion")).unwrap();
        assert_eq!(after["conversation_sid"], conversation.as_str());
        assert_eq!((&after["sub"], &after["sid"]), (&before["sub"], &before["sid"]), "the same session");
        assert_ne!(after["jti"], before["jti"]);
    }
    let other = env.guest_on();
    let others = other.creates_token().await.text("token");
    let others = verifier.claims(&asks(&other, &others).await.text("assertion")).unwrap();
    assert!(others.get("conversation_sid").is_none(), "the conversation is another guest's");
    assert_ne!((&others["sub"], &others["sid"]), (&before["sub"], &before["sid"]));
    // What a guest adds to the request changes nothing.
    let body = json!({"audience": AUDIENCE, "conversationSid": conversation, "conversation_sid": conversation,
        "sub": created.body["identity"]});
    let request = other.client().post(format!("{}/v2/Webchat/Token/Assertion", other.url));
    let own = other.creates_token().await.text("token");
    let answer = other.presents(Some(&own), request.bearer_auth(&own).json(&body)).await;
    assert!(verifier.claims(&answer.text("assertion")).unwrap().get("conversation_sid").is_none());
}

#[tokio::test]
async fn a_bound_session_needs_a_proof_with_a_nonce() {
    let env = TestEnv::new().await;
    let guest = env.guest_on().with_proof_key(&env.plan.clock);
    let created = guest.creates_token().await;
    let (token, key) = (created.text("token"), guest.proof_key.clone().unwrap());
    let bare = guest.clone().without_proof_key();
    let url = format!("{}/v2/Webchat/Token/Assertion", guest.url);
    env.recorder.take();
    let made_in_advance = key.proof("POST", &url, Some(&token), None);
    let in_advance = bare.clone().with("dpop", &made_in_advance);
    let refused = in_advance.asks_for_assertion_once(&token, AUDIENCE).await;
    is_rejected(&refused, 401, "use_dpop_nonce");
    let nonce = refused.header("dpop-nonce").to_owned();
    let proof = key.proof("POST", &url, Some(&token), Some(&nonce));
    let answer = asks(&bare.clone().with("dpop", &proof), &token).await;
    assert_eq!(answer.status, 200);
    env.equals(FILE, "The session is bound to a key");
    let claims = env.verifier().await.claims(&answer.text("assertion")).unwrap();
    assert_eq!(claims["sub"], created.body["identity"]);

    is_rejected(&asks(&bare, &token).await, 401, "invalid_dpop_proof");
    is_rejected(&asks(&bare.clone().with("dpop", &proof), &token).await, 401, "invalid_dpop_proof");
    let elsewhere = format!("{}/v2/Webchat/Token/Refresh", guest.url);
    let other_key = guest.clone().with_proof_key(&env.plan.clock).proof_key.unwrap();
    for proof in [
        key.proof("POST", &elsewhere, Some(&token), Some(&nonce)),
        key.proof("GET", &url, Some(&token), Some(&nonce)),
        key.proof("POST", &url, Some("another token"), Some(&nonce)),
        other_key.proof("POST", &url, Some(&token), Some(&nonce)),
    ] {
        is_rejected(&asks(&bare.clone().with("dpop", &proof), &token).await, 401, "invalid_dpop_proof");
    }
    env.plan.clock.advance(TimeDelta::minutes(6));
    let old = key.proof("POST", &url, Some(&token), Some(&nonce));
    is_rejected(&asks(&bare.with("dpop", &old), &token).await, 401, "use_dpop_nonce");
    assert_eq!(asks(&guest, &token).await.status, 200, "nothing was ended");
}

#[tokio::test]
async fn only_a_listed_audience_gets_an_assertion() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    env.recorder.take();
    let unlisted = "https://evil.example";
    is_rejected(&guest.asks_for_assertion(&token, unlisted).await, 400, "invalid_request");
    env.equals(FILE, "The audience is not listed");
    for audience in
        [format!("{AUDIENCE}/"), AUDIENCE.to_uppercase(), "webchat".into(), ISSUER.into(), String::new()]
    {
        is_rejected(&guest.asks_for_assertion(&token, &audience).await, 400, "invalid_request");
    }
    let url = format!("{}/v2/Webchat/Token/Assertion", guest.url);
    let sends = async |content_type: &str, body: String| {
        let request = guest.client().post(&url).bearer_auth(&token).header("content-type", content_type);
        guest.presents(Some(&token), request.body(body)).await
    };
    let form = "application/x-www-form-urlencoded";
    let doubled = format!(r#"{{"audience":"{AUDIENCE}","Audience":"{AUDIENCE}"}}"#);
    for (content_type, body) in [
        ("application/json", "{}".to_owned()),
        ("application/json", String::new()),
        ("application/json", format!(r#"{{"audience":["{AUDIENCE}"]}}"#)),
        ("application/json", format!(r#"{{"audience":"{AUDIENCE}","audience":"{AUDIENCE}"}}"#)),
        ("application/json", doubled),
        (form, format!("audience={AUDIENCE}&audience={AUDIENCE}")),
    ] {
        is_rejected(&sends(content_type, body).await, 400, "invalid_request");
    }
    assert_eq!(sends(form, format!("Audience={AUDIENCE}")).await.status, 200);
    // Strangers do not learn which audiences are listed.
    let stranger = env.guest_on();
    let stolen = format!("{token}A");
    for audience in [AUDIENCE, unlisted] {
        let answers = [
            stranger.asks_for_assertion(&stolen, audience).await.body,
            stranger.asks_for_assertion("none", audience).await.body,
        ];
        assert!(answers.iter().all(|body| body["code"] == "invalid_token"), "{answers:?}");
    }
    // The list of another account, which has none.
    let off = env.guest_off();
    let others = off.creates_token().await.text("token");
    is_rejected(&asks(&off, &others).await, 400, "invalid_request");

    let accounts = env.plan.accounts_file();
    let text = std::fs::read_to_string(&accounts).unwrap();
    let mut reloads = env.stack.accounts.reloads();
    std::fs::write(&accounts, text.replace(AUDIENCE, "https://orders.example.com")).unwrap();
    is_reloaded(&mut reloads).await;
    is_rejected(&asks(&guest, &token).await, 400, "invalid_request");
    assert_eq!(guest.asks_for_assertion(&token, "https://orders.example.com").await.status, 200);
}

#[tokio::test]
async fn without_an_issuer_there_are_no_assertions() {
    let env = TestEnv::with(|plan| plan.issuer = None).await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    env.recorder.take();
    is_rejected(&asks(&guest, &token).await, 404, "not_found");
    env.equals(FILE, "This installation has no issuer");
    assert_eq!(guest.refreshes_token(&token).await.status, 200, "session tokens need none");
}

#[tokio::test]
async fn a_rejected_token_gets_no_assertion() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    env.recorder.take();
    is_rejected(&asks(&guest.thief_with_firefox(), &token).await, 403, "fingerprint_invalid");
    env.equals(FILE, "Another browser presents the token");

    let ended = guest.creates_token().await.text("token");
    assert_eq!(guest.ends_session(&ended).await.status, 200);
    is_rejected(&asks(&guest, &ended).await, 401, "revoked_token");
    env.plan.clock.advance(TimeDelta::hours(7));
    is_rejected(&asks(&guest, &token).await, 401, "expired_token");
    env.plan.clock.advance(TimeDelta::hours(17));
    is_rejected(&asks(&guest, &token).await, 401, "session_expired");
}

#[tokio::test]
async fn an_erased_guest_gets_no_assertion() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let created = guest.creates_token().await;
    let token = created.text("token");
    guest.opens_conversation(&token).await;
    let store = conversations::Conversations::open(&env.plan.databases[0]).await.unwrap();
    let (account, identity) = (ACCOUNT.parse().unwrap(), created.text("identity").parse().unwrap());
    store.erase_guest(account, identity, env.plan.clock.now()).await.unwrap();
    is_rejected(&asks(&guest, &token).await, 401, "revoked_token");
}

#[tokio::test]
async fn a_service_fetches_the_keys() {
    let TestEnv { stack, recorder, plan, _data } = TestEnv::new().await;
    let guest = Guest::with_chrome(&stack.url, demo::DEPLOYMENT_OFF);
    let fetches =
        async || guest.sends(guest.client().get(format!("{}/.well-known/jwks.json", guest.url))).await;
    recorder.take();
    let first = fetches().await;
    assert_eq!((first.status, first.header("cache-control")), (200, "max-age=300"));
    diagram::assert_equal(FILE, "A service fetches the keys", &recorder.take());
    let keys = first.body["keys"].as_array().unwrap();
    let public = ["kty", "crv", "x", "y", "alg", "use", "kid"];
    let names: Vec<&str> = keys[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((keys.len(), names), (1, public.to_vec()), "and nothing of the private half");

    assert_eq!(fetches().await.body, first.body);
    let of_services = || recorder.take().iter().filter(|arrow| arrow.starts_with("FWO->>FAS")).count();
    assert_eq!(of_services(), 0, "requests of 10 s share a fetch");
    plan.clock.advance(TimeDelta::seconds(10));
    fetches().await;
    assert_eq!(of_services(), 1);

    if in_process() {
        // An in-process callee still answers after `stop`.
        return;
    }
    stack.federated_auth.stop().await;
    plan.clock.advance(TimeDelta::minutes(4));
    let stale = fetches().await;
    assert_eq!((stale.status, &stale.body), (200, &first.body), "a short outage does not stop verifiers");
    plan.clock.advance(TimeDelta::minutes(2));
    let late = fetches().await;
    assert_eq!((late.status, late.header("cache-control")), (503, "no-store"));
}
