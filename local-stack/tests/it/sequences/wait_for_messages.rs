//! A guest waits for messages.

use std::time::Duration;

use local_stack::{Answer, Guest};
use secrecy::ExposeSecret;
use serde_json::json;
use test_support::eventually;

use crate::{
    diagram,
    sequences::{TestEnv, revoke_token::operator},
};

const FILE: &str = "wait-for-messages.md";

test_support::on_both_engines! { TestEnv: a_message_wakes_the_guest }

async fn a_message_wakes_the_guest(env: TestEnv) {
    let guest = WaitingGuest::new(&env).await;
    let (waited, ()) = tokio::join!(guest.waits(25), guest.is_answered_once_it_waits());
    let [message] = waited.body["messages"].as_array().unwrap().as_slice() else { panic!("{}", waited.body) };
    assert_eq!((&message["author"], &message["body"]), (&"Grace".into(), &"It arrives today.".into()));
    guest.equals("A message arrives while the guest waits");
}

#[tokio::test]
async fn an_empty_response_is_not_judged_again() {
    let env = TestEnv::new().await;
    let guest = WaitingGuest::new(&env).await;
    let waited = guest.waits(1).await;
    assert_eq!((waited.status, waited.body["messages"].as_array().unwrap().len()), (200, 0));
    guest.equals("Nothing arrives");
}

#[tokio::test]
async fn a_session_that_was_revoked_meanwhile_is_given_nothing() {
    let env = TestEnv::new().await;
    let guest = WaitingGuest::new(&env).await;
    let act = async {
        guest.is_waiting().await;
        let secret = env.stack.operator_secret.expose_secret();
        let revoked =
            operator(&env, secret, json!({"accountSid": "AC00000000000000000000000000000001"})).await;
        assert_eq!(revoked.status, 200);
        guest.is_answered_once_it_waits().await;
    };
    let (waited, ()) = tokio::join!(guest.waits(25), act);
    assert_eq!((waited.status, waited.code()), (401, "revoked_token"));
    guest.equals("The session is revoked while the guest waits");
}

/// A guest that has read the welcome message.
struct WaitingGuest<'a> {
    env: &'a TestEnv,
    guest: Guest,
    token: String,
    conversation: String,
}

impl<'a> WaitingGuest<'a> {
    async fn new(env: &'a TestEnv) -> Self {
        let guest = env.guest_on();
        let token = guest.creates_token().await.text("token");
        let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
        env.recorder.take();
        Self { env, guest, token, conversation }
    }

    async fn waits(&self, seconds: u32) -> Answer {
        self.guest.waits_for_messages(&self.token, &self.conversation, 0, seconds).await
    }

    async fn is_waiting(&self) {
        let url = format!("http://{}/metrics", self.env.stack.orchestrator.admin_address);
        eventually(Duration::from_secs(30), "the guest waits", async || {
            let metrics = self.guest.client().get(&url).send().await.unwrap().text().await.unwrap();
            metrics.contains("guests_waiting 1\n")
        })
        .await;
    }

    async fn is_answered_once_it_waits(&self) {
        self.is_waiting().await;
        let said = self.env.stack.desk().says(&self.conversation, "Grace", "It arrives today.").await;
        assert_eq!(said.status, 201);
    }

    /// The desk's response comes at the same time as the guest's second validation, and is drawn before it.
    #[track_caller]
    fn equals(&self, heading: &str) {
        let mut flowed = self.env.recorder.take();
        if let Some(answer) = flowed.iter().position(|arrow| arrow.starts_with("FWO-->>Desk")) {
            let answer = flowed.remove(answer);
            let stored = flowed.iter().position(|arrow| arrow.starts_with("FWO->>FWO: Stores")).unwrap();
            flowed.insert(stored + 1, answer);
        }
        diagram::assert_equal(FILE, heading, &flowed);
    }
}
