//! The conversation diagrams.

use serde_json::json;

use crate::sequences::TestEnv;

const FILE: &str = "open-conversation.md";

test_support::on_both_engines! { TestEnv: the_guest_chats }

async fn the_guest_chats(env: TestEnv) {
    let guest = env.guest_on();
    let created = guest.creates_token().await;
    let token = created.text("token");
    env.recorder.take();
    let opened = guest.opens_conversation(&token).await;
    assert_eq!((opened.status, opened.text("identity")), (201, created.text("identity")));
    let conversation = opened.text("conversation_sid");
    let messages = guest.reads_messages(&token, &conversation, None).await;
    assert_eq!(messages.body["messages"][0]["author"], "system", "the welcome message is the first");
    let said = guest.says(&token, &conversation, "Hello 👋").await;
    assert_eq!((said.status, said.body["index"].as_u64()), (201, Some(1)));
    assert_eq!(said.text("author"), created.text("identity"));
    env.equals(FILE, "The guest chats");

    let new = guest.reads_messages(&token, &conversation, Some(0)).await;
    assert_eq!(new.body["messages"].as_array().unwrap().len(), 1);
    assert_eq!(new.body["messages"][0]["body"], "Hello 👋");
    let again = guest.opens_conversation(&token).await;
    assert_eq!(
        (again.status, again.text("conversation_sid")),
        (201, conversation),
        "a session has one conversation"
    );
}

#[tokio::test]
async fn feature_off_checks_only_the_token() {
    let env = TestEnv::new().await;
    let guest = env.guest_off();
    let token = guest.creates_token().await.text("token");
    env.recorder.take();
    assert_eq!(guest.opens_conversation(&token).await.status, 201);
    env.equals(FILE, "The feature is off");
}

#[tokio::test]
async fn conversation_of_another_identity_is_not_found() {
    let env = TestEnv::new().await;
    let (guest, other) = (env.guest_on(), env.guest_on());
    let token = guest.creates_token().await.text("token");
    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
    let others_token = other.creates_token().await.text("token");
    env.recorder.take();
    let absent = other.reads_messages(&others_token, &conversation, None).await;
    assert_eq!((absent.status, absent.code()), (404, "not_found"));
    env.equals(FILE, "The conversation is another guest's");

    let nowhere = other.reads_messages(&others_token, "CH00000000000000000000000000000000", None).await;
    assert_eq!(
        (nowhere.status, &nowhere.body),
        (absent.status, &absent.body),
        "same error as for a missing conversation"
    );
    let malformed = other.reads_messages(&others_token, "CH1", None).await;
    assert_eq!((malformed.status, &malformed.body), (absent.status, &absent.body));
    let written = other.says(&others_token, &conversation, "let me in").await;
    assert_eq!((written.status, written.code()), (404, "not_found"));
}

#[tokio::test]
async fn every_request_checks_the_fingerprint() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
    let thief = guest.thief_with_firefox();
    env.recorder.take();
    let read = thief.reads_messages(&token, &conversation, None).await;
    assert_eq!((read.status, read.code()), (403, "fingerprint_invalid"));
    env.equals(FILE, "Another browser presents the token");
    assert_eq!(thief.says(&token, &conversation, "it is me").await.code(), "fingerprint_invalid");
    assert_eq!(thief.opens_conversation(&token).await.code(), "fingerprint_invalid");
}

#[tokio::test]
async fn a_question_in_the_form_is_the_first_message() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let created = guest.creates_token().await;
    let token = created.text("token");
    let form = json!({"customerFriendlyName": "Ada", "preEngagementData": {"query": "Where is my order?"}});
    let request =
        guest.client().post(format!("{}/v2/WebChannels", guest.url)).bearer_auth(&token).json(&form);
    let conversation = guest.presents(Some(&token), request).await.text("conversation_sid");
    let read = guest.reads_messages(&token, &conversation, None).await;
    let [question, welcome] = read.body["messages"].as_array().unwrap().as_slice() else {
        panic!("{}", read.body);
    };
    assert_eq!((&question["index"], &question["body"]), (&0.into(), &"Where is my order?".into()));
    assert_eq!(question["author"], created.body["identity"]);
    assert_eq!((&welcome["index"], &welcome["author"]), (&1.into(), &"system".into()));
    let desk = env.stack.desk().reads_messages(&conversation).await;
    assert_eq!(desk.body["messages"][0]["side"], "guest");
    assert_eq!(desk.body["messages"][1]["side"], "system");
}

#[tokio::test]
async fn a_message_repeated_under_its_key_is_stored_once() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
    let with_key = guest.clone().with("idempotency-key", "one");
    let stored = with_key.says(&token, &conversation, "Hello").await;
    let repeated = with_key.says(&token, &conversation, "Hello").await;
    assert_eq!((repeated.status, &repeated.body), (201, &stored.body));
    let other = with_key.says(&token, &conversation, "Goodbye").await;
    assert_eq!((other.status, other.code()), (409, "idempotency_key_reused"));
    env.stack.desk().closes(&conversation).await;
    let repeated = with_key.says(&token, &conversation, "Hello").await;
    assert_eq!((repeated.status, &repeated.body), (201, &stored.body), "also after it was closed");
    let read = guest.reads_messages(&token, &conversation, Some(0)).await;
    assert_eq!(read.body["messages"].as_array().unwrap().len(), 1);
}
