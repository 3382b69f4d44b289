//! The desk closes a conversation.

use crate::sequences::TestEnv;

const FILE: &str = "close.md";

test_support::on_both_engines! { TestEnv: the_desk_closes }

async fn the_desk_closes(env: TestEnv) {
    let (guest, desk) = (env.guest_on(), env.stack.desk());
    let token = guest.creates_token().await.text("token");
    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
    env.recorder.take();

    let closed = desk.closes(&conversation).await;
    assert_eq!((closed.status, closed.text("state").as_str()), (200, "closed"));
    let refused = guest.says(&token, &conversation, "One more thing").await;
    assert_eq!((refused.status, refused.code()), (409, "conversation_closed"));
    let next = guest.opens_conversation(&token).await;
    assert_eq!(next.status, 201);
    env.equals(FILE, "The desk closes the conversation");

    assert_ne!(next.text("conversation_sid"), conversation);
    let read = guest.reads_messages(&token, &conversation, None).await;
    assert_eq!((read.status, read.text("state").as_str()), (200, "closed"), "it can still be read");
    let desks = desk.says(&conversation, "Grace", "Goodbye").await;
    assert_eq!((desks.status, &desks.body["code"]), (409, &50377.into()), "the desk cannot write either");
    let next = next.text("conversation_sid");
    assert_eq!(guest.says(&token, &next, "One more thing").await.status, 201);
}
