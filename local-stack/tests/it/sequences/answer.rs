//! The desk answers a guest.

use local_stack::{Desk, demo};
use reqwest::Method;

use crate::sequences::TestEnv;

const FILE: &str = "answer.md";

test_support::on_both_engines! { TestEnv: the_desk_answers }

async fn the_desk_answers(env: TestEnv) {
    let (guest, desk) = (env.guest_on(), env.stack.desk());
    let created = guest.creates_token().await;
    let (token, identity) = (created.text("token"), created.text("identity"));
    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
    guest.says(&token, &conversation, "Where is my order?").await;
    env.recorder.take();

    let listed = desk.lists_active_conversations().await;
    let [open] = listed.body["conversations"].as_array().unwrap().as_slice() else {
        panic!("{}", listed.body);
    };
    assert_eq!((listed.status, &open["sid"]), (200, &conversation.as_str().into()));
    assert_eq!(open["friendly_name"], "Ada");
    let read = desk.reads_messages(&conversation).await;
    let written: Vec<_> = read.body["messages"].as_array().unwrap().iter().collect();
    assert_eq!((&written[0]["side"], &written[0]["author"]), (&"system".into(), &"system".into()));
    assert_eq!((&written[1]["side"], &written[1]["author"]), (&"guest".into(), &identity.as_str().into()));
    assert_eq!(written[1]["body"], "Where is my order?");
    let answer = desk.says(&conversation, "Grace", "It arrives today.").await;
    assert_eq!((answer.status, &answer.body["index"]), (201, &2.into()));

    let messages = guest.reads_messages(&token, &conversation, Some(1)).await;
    let [message] = messages.body["messages"].as_array().unwrap().as_slice() else {
        panic!("{}", messages.body);
    };
    assert_eq!((&message["author"], &message["body"]), (&"Grace".into(), &"It arrives today.".into()));
    env.equals(FILE, "The desk answers");
}

#[tokio::test]
async fn wrong_credentials_reach_nothing() {
    let env = TestEnv::new().await;
    let guest = env.guest_on();
    let token = guest.creates_token().await.text("token");
    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
    let (desk, stranger) =
        (env.stack.desk(), Desk::new(&env.stack.desk_url, demo::DESK_KEY, "a wrong secret".into()));
    env.recorder.take();
    let refused = stranger.reads_messages(&conversation).await;
    assert_eq!((refused.status, &refused.body["code"]), (401, &20003.into()));
    assert_eq!(refused.header("www-authenticate"), r#"Basic realm="desk""#);
    env.equals(FILE, "The credentials are wrong");
    let request = desk.request(Method::GET, &format!("/v1/Conversations/{conversation}/Messages"));
    let refused = desk.sends(request.header("origin", "https://shop.example.com")).await;
    assert_eq!((refused.status, &refused.body["code"]), (403, &20403.into()));
    env.equals(FILE, "A browser sends the request");
}
