//! A proxy asks whether a guest's request to another service may pass.

use local_stack::{Answer, Guest};

use crate::sequences::TestEnv;

const FILE: &str = "authorize.md";
const SECRET: &str = "what-the-proxy-proves-itself-with";
const ORDERS: &str = "https://api.example.com/orders/7";

test_support::on_both_engines! { ProxiedEnv: a_guests_request_may_pass }

/// A stack with a listener for proxies.
struct ProxiedEnv(TestEnv);

impl ProxiedEnv {
    async fn new() -> Self {
        Self(TestEnv::with(|plan| plan.authorize_secret = Some(SECRET.into())).await)
    }

    async fn on_sqlite() -> Self {
        Self::new().await
    }

    async fn on_postgres() -> Self {
        Self(TestEnv::on_postgres_with(|plan| plan.authorize_secret = Some(SECRET.into())).await)
    }

    /// A guest with a proof key and a conversation, with its token.
    async fn guest(&self) -> (Guest, String) {
        let guest = self.0.guest_on().with_proof_key(&self.0.plan.clock);
        let token = guest.creates_token().await.text("token");
        guest.opens_conversation(&token).await.text("conversation_sid");
        self.0.recorder.take();
        (guest, token)
    }

    /// Asks for a request of the guest, with this proof.
    async fn asks(&self, guest: Guest, token: &str, proof: Option<String>, secret: &str) -> Answer {
        let url = format!("{}/v2/Webchat/Authorize", self.0.stack.authorize_url.as_ref().unwrap());
        let request = guest
            .client()
            .get(url)
            .bearer_auth(token)
            .header("x-webchat-proxy-secret", secret)
            .header("x-forwarded-method", "POST")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-host", "api.example.com")
            .header("x-forwarded-uri", "/orders/7?size=40");
        let request = proof.into_iter().fold(request, |request, proof| request.header("dpop", proof));
        guest.without_proof_key().sends(request).await
    }
}

async fn a_guests_request_may_pass(env: ProxiedEnv) {
    let (guest, token) = env.guest().await;
    let proof = guest.proof_key.as_ref().map(|key| key.proof("POST", ORDERS, Some(&token), None));
    let answer = env.asks(guest, &token, proof, SECRET).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.header("x-webchat-conversation").starts_with("CH"));
    env.0.equals(FILE, "The request may pass");
}

#[tokio::test]
async fn a_thief_without_the_key_is_refused() {
    let env = ProxiedEnv::new().await;
    let (guest, token) = env.guest().await;
    let answer = env.asks(guest, &token, None, SECRET).await;
    assert_eq!((answer.status, answer.header("x-webchat-code")), (401, "invalid_dpop_proof"));
    env.0.equals(FILE, "The token was stolen");
}

#[tokio::test]
async fn a_proof_for_another_request_reaches_no_other_service() {
    let env = ProxiedEnv::new().await;
    let (guest, token) = env.guest().await;
    let proof = guest.proof_key.as_ref().map(|key| key.proof("GET", ORDERS, Some(&token), None));
    let answer = env.asks(guest, &token, proof, SECRET).await;
    assert_eq!((answer.status, answer.header("x-webchat-code")), (401, "invalid_dpop_proof"));
    env.0.equals(FILE, "The proof is for another request");
}

#[tokio::test]
async fn a_caller_without_the_secret_learns_nothing() {
    let env = ProxiedEnv::new().await;
    let (guest, token) = env.guest().await;
    let answer = env.asks(guest, &token, None, "a-secret-of-another-proxy").await;
    assert_eq!((answer.status, answer.code()), (403, ""));
    env.0.equals(FILE, "The caller is no proxy of ours");
}
