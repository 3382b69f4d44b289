//! A crash between two writes leaves no half conversation, and loses neither a conversation nor a revocation that was
//! answered.

use local_stack::{Guest, demo};
use sqlx::{Connection, SqliteConnection};
use tokio::{sync::mpsc, task::JoinSet};

use crate::process::Process;

#[tokio::test]
async fn kill_9_while_conversations_are_opened() {
    let data = tempfile::tempdir().unwrap();
    let mut opened = Vec::new();
    for round in 1..=3 {
        let mut stack = Process::stack(data.path());
        let [(orchestrator, _), ..] = stack.addresses();
        let (sender, mut answered) = mpsc::unbounded_channel();
        let mut guests = JoinSet::new();
        for _ in 0..8 {
            let (guest, sender) = (Guest::with_chrome(&orchestrator, demo::DEPLOYMENT_ON), sender.clone());
            guests.spawn(async move {
                loop {
                    let token = guest.creates_token().await.text("token");
                    let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
                    sender.send((token, conversation)).unwrap();
                }
            });
        }
        while opened.len() < round * 20 {
            opened.push(answered.recv().await.unwrap());
        }
        stack.signal("-KILL");
        stack.end();
        guests.shutdown().await;
        while let Ok(conversation) = answered.try_recv() {
            opened.push(conversation);
        }
    }

    let database = format!("sqlite://{}", data.path().join("conversations.db").display());
    let mut database = SqliteConnection::connect(&database).await.unwrap();
    let half = "SELECT COUNT(*) FROM conversations WHERE NOT EXISTS \
        (SELECT 1 FROM messages WHERE messages.conversation_sid = conversations.sid AND messages.message_index = 0)";
    let half: i64 = sqlx::query_scalar(half).fetch_one(&mut database).await.unwrap();
    assert_eq!(half, 0);

    let mut stack = Process::stack(data.path());
    let [(orchestrator, _), ..] = stack.addresses();
    let guest = Guest::with_chrome(&orchestrator, demo::DEPLOYMENT_ON);
    for (token, conversation) in opened {
        let messages = guest.reads_messages(&token, &conversation, None).await;
        assert_eq!(messages.body["messages"][0]["author"], "system");
    }
}

#[tokio::test]
async fn kill_9_while_sessions_are_ended() {
    let data = tempfile::tempdir().unwrap();
    let mut ended = Vec::new();
    for round in 1..=3 {
        let mut stack = Process::stack(data.path());
        let [(orchestrator, _), ..] = stack.addresses();
        let (sender, mut answered) = mpsc::unbounded_channel();
        let mut guests = JoinSet::new();
        for _ in 0..8 {
            let (guest, sender) = (Guest::with_chrome(&orchestrator, demo::DEPLOYMENT_ON), sender.clone());
            guests.spawn(async move {
                loop {
                    let token = guest.creates_token().await.text("token");
                    assert_eq!(guest.ends_session(&token).await.status, 200);
                    sender.send(token).unwrap();
                }
            });
        }
        while ended.len() < round * 20 {
            ended.push(answered.recv().await.unwrap());
        }
        stack.signal("-KILL");
        stack.end();
        guests.shutdown().await;
        while let Ok(token) = answered.try_recv() {
            ended.push(token);
        }
    }
    let mut stack = Process::stack(data.path());
    let [(orchestrator, _), ..] = stack.addresses();
    let guest = Guest::with_chrome(&orchestrator, demo::DEPLOYMENT_ON);
    for token in ended {
        assert_eq!(guest.refreshes_token(&token).await.code(), "revoked_token");
    }
}
