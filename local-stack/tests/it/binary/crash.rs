//! A crash between two writes leaves no partial conversation, and loses no acknowledged conversation or revocation.

use std::path::Path;

use local_stack::{Guest, demo};
use rusqlite::Connection;
use tokio::{sync::mpsc, task::JoinSet};

use crate::process::Process;

/// Lets eight guests repeat an action and kills the stack meanwhile, three times; returns what was acknowledged by
/// then.
async fn killed_during<T, F>(data: &Path, what: impl Fn(Guest) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    std::fs::write(data.join("accounts.toml"), demo::accounts_without_limits()).unwrap();
    let mut answers = Vec::new();
    for round in 1..=3 {
        let (stack, guest) = started(data);
        let (sender, mut answered) = mpsc::unbounded_channel();
        let mut guests = JoinSet::new();
        let mut spawn_next = || {
            let (sender, what) = (sender.clone(), what(guest.clone()));
            guests.spawn(async move { sender.send(what.await) });
        };
        (0..8).for_each(|_| spawn_next());
        while answers.len() < round * 20 {
            answers.push(answered.recv().await.unwrap());
            spawn_next();
        }
        stack.signal("-KILL");
        stack.end();
        guests.shutdown().await;
        while let Ok(answer) = answered.try_recv() {
            answers.push(answer);
        }
    }
    answers
}

fn started(data: &Path) -> (Process, Guest) {
    let mut stack = Process::stack(data);
    let [(orchestrator, _), ..] = stack.addresses();
    (stack, Guest::with_chrome(&orchestrator, demo::DEPLOYMENT_ON))
}

#[tokio::test]
async fn kill_9_while_opening_conversations() {
    let data = tempfile::tempdir().unwrap();
    let opened = killed_during(data.path(), |guest| async move {
        let token = guest.creates_token().await.text("token");
        let conversation = guest.opens_conversation(&token).await.text("conversation_sid");
        (token, conversation)
    });
    let opened = opened.await;

    let database = Connection::open(data.path().join("conversations.db")).unwrap();
    let half = "SELECT COUNT(*) FROM conversations WHERE NOT EXISTS (SELECT 1 FROM messages \
        WHERE messages.conversation_sid = conversations.sid AND messages.message_index = 0)";
    let half: i64 = database.query_row(half, [], |row| row.get(0)).unwrap();
    assert_eq!(half, 0);

    let (_stack, guest) = started(data.path());
    for (token, conversation) in opened {
        let messages = guest.reads_messages(&token, &conversation, None).await;
        assert_eq!(messages.body["messages"][0]["author"], "system");
    }
}

#[tokio::test]
async fn kill_9_while_revoking_sessions() {
    let data = tempfile::tempdir().unwrap();
    let ended = killed_during(data.path(), |guest| async move {
        let token = guest.creates_token().await.text("token");
        assert_eq!(guest.ends_session(&token).await.status, 200);
        token
    });
    let ended = ended.await;

    let (_stack, guest) = started(data.path());
    for token in ended {
        assert_eq!(guest.refreshes_token(&token).await.code(), "revoked_token");
    }
}
