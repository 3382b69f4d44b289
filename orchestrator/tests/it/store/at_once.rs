//! Concurrent callers, and callers that are cancelled half-way.

use std::{collections::HashSet, future::poll_fn, pin::pin, task::Poll};

use service_runtime::api_error::error_chain;
use shared_types::ConversationSid;
use tokio::task::JoinSet;

use crate::store::{ACCOUNT, OTHER_ACCOUNT, Store, conversation, identity, message, open, session};

test_support::on_both_engines! {
    Store:
    a_cancelled_open_leaves_a_complete_conversation_or_nothing,
    concurrent_opens_create_one_conversation,
    concurrent_messages_are_numbered_without_gaps,
    concurrent_lookups_return_each_sessions_own_conversation,
}

/// The caller is cancelled after the first step, after the second, and so on, ten times over.
async fn a_cancelled_open_leaves_a_complete_conversation_or_nothing(store: Store) {
    let mut deepest = 0;
    for guest in 1..=100 {
        let steps = guest % 10 + 1;
        let mut left = steps;
        let mut opening = pin!(store.conversations.open_conversation(conversation(guest, guest.into())));
        let opened = poll_fn(|context| {
            let opened = opening.as_mut().poll(context).map(Some);
            left -= 1;
            if opened.is_pending() && left == 0 { Poll::Ready(None) } else { opened }
        });
        match opened.await {
            Some(opened) => assert_eq!(opened.unwrap().sid, ConversationSid::from_bits(guest.into())),
            None => deepest = deepest.max(steps),
        }
    }
    // SQLite's writer needs one request, and completes without its caller.
    let requests = if store.url.starts_with("sqlite") { 1 } else { 3 };
    assert!(deepest >= requests, "no caller was cancelled between the statements");

    // Later callers are served: no cancelled transaction is left open on the store's one writer.
    store.open(conversation(0, 1000)).await;
    let halves = "SELECT COUNT(*) FROM conversations c WHERE 1 <> \
                  (SELECT COUNT(*) FROM messages m WHERE m.conversation_sid = c.sid)";
    assert_eq!(store.count(halves).await, 0);
    let whole = store.count("SELECT COUNT(*) FROM conversations").await;
    assert_eq!(store.count("SELECT COUNT(*) FROM messages").await, whole);
    assert!((1..=100).contains(&whole), "{whole} of 101: no caller was cancelled early enough");
}

async fn concurrent_opens_create_one_conversation(store: Store) {
    let mut opens = JoinSet::new();
    for n in 1..=32 {
        let conversations = store.conversations.clone();
        opens.spawn(async move { conversations.open_conversation(conversation(1, n)).await.unwrap() });
    }
    let opened = opens.join_all().await;
    assert_eq!(opened.iter().filter(|opened| opened.is_new).count(), 1);
    let sids: HashSet<ConversationSid> = opened.into_iter().map(|opened| opened.sid).collect();
    assert_eq!(sids.len(), 1, "{sids:?}");
    assert_eq!(store.count("SELECT COUNT(*) FROM conversations").await, 1);
    assert_eq!(store.count("SELECT COUNT(*) FROM messages").await, 1);
}

async fn concurrent_messages_are_numbered_without_gaps(store: Store) {
    // Two stores on one database do not share a queue, like two processes.
    let other = open(&store.url).await;
    let sid = store.open(conversation(1, 1)).await;
    let mut appends = JoinSet::new();
    for n in 1..=64u128 {
        let conversations = if n % 2 == 0 { &store.conversations } else { &other }.clone();
        appends.spawn(async move {
            let append = conversations.append_of_guest(ACCOUNT, identity(1), sid, message(100 + n, "y"));
            append.await.unwrap().unwrap().message.index
        });
    }
    let mut indexes = appends.join_all().await;
    indexes.sort_unstable();
    assert_eq!(indexes, (1..=64).collect::<Vec<u32>>());
    let read: Vec<u32> =
        store.all(identity(1), sid).await.unwrap().iter().map(|message| message.index).collect();
    assert_eq!(read, (0..=64).collect::<Vec<u32>>());
}

async fn concurrent_lookups_return_each_sessions_own_conversation(store: Store) {
    for guest in (0..=250).step_by(2) {
        store.open(conversation(guest, guest.into())).await;
    }
    let mut looks = JoinSet::new();
    for guest in (0..=250).chain(0..=250) {
        let conversations = store.conversations.clone();
        looks.spawn(async move {
            let own = conversations.by_session(ACCOUNT, session(guest), identity(guest)).await.unwrap();
            let of_another_account =
                conversations.by_session(OTHER_ACCOUNT, session(guest), identity(guest)).await.unwrap();
            (guest, own, of_another_account)
        });
    }
    for (guest, own, of_another_account) in looks.join_all().await {
        let opened = (guest % 2 == 0).then(|| ConversationSid::from_bits(guest.into()));
        assert_eq!((own, of_another_account), (opened, None), "{guest}");
    }
}

#[tokio::test]
async fn a_failed_lookup_fails_its_batch_and_later_callers_succeed() {
    let store = Store::on_sqlite().await;
    let mut connection = store.connection().await;
    connection.execute("ALTER TABLE conversations RENAME TO away").await;
    let mut looks = JoinSet::new();
    for guest in 0..10 {
        let conversations = store.conversations.clone();
        looks.spawn(async move { conversations.by_session(ACCOUNT, session(guest), identity(guest)).await });
    }
    for failed in looks.join_all().await {
        let chain = error_chain(&failed.unwrap_err());
        assert!(chain.starts_with("the conversations' database failed: "), "{chain}");
        assert!(chain.contains("no such table"), "{chain}");
    }
    connection.execute("ALTER TABLE away RENAME TO conversations").await;
    assert_eq!(store.conversations.by_session(ACCOUNT, session(1), identity(1)).await.unwrap(), None);
}
