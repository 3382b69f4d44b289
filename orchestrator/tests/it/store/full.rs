//! A conversation holds a bounded number of its guest's messages and bytes; when full, the session continues in the
//! next one.

use conversations::{MAX_GUEST_BYTES, StoreError};
use shared_types::{ConversationSid, orchestrator::send_message::MAX_BODY};
use tokio::task::JoinSet;

use crate::store::{ACCOUNT, Store, conversation, identity, session};

test_support::on_both_engines! {
    Store:
    a_conversation_at_its_byte_limit_continues_in_the_next,
    a_conversation_holds_2000_guest_messages,
    concurrent_opens_create_one_next_conversation,
}

async fn a_conversation_at_its_byte_limit_continues_in_the_next(store: Store) {
    let first = store.open(conversation(1, 1)).await;
    let longest = "x".repeat(MAX_BODY);
    let mut taken = 0;
    for n in 0..40 {
        taken += u32::from(store.say(identity(1), first, 100 + n, &longest).await.is_ok());
    }
    assert_eq!(taken, 31, "name and form are charged too");
    for text in [longest.as_str(), "x"] {
        let refused = store.say(identity(1), first, 200, text).await;
        assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    }
    let bytes = store.count("SELECT guest_bytes FROM conversations").await;
    assert!(bytes <= MAX_GUEST_BYTES && bytes > MAX_GUEST_BYTES - MAX_BODY as i64, "{bytes}");
    let stranger = store.say(identity(2), first, 200, "x").await.unwrap();
    assert_eq!(stranger, None, "only its guest learns that it is full");

    let next = store.open(conversation(1, 2)).await;
    assert_eq!(next, ConversationSid::from_bits(2));
    assert_eq!(store.open(conversation(1, 3)).await, next);
    assert_eq!(store.conversations.by_session(ACCOUNT, session(1), identity(1)).await.unwrap(), Some(next));
    assert_eq!(store.append(identity(1), next, 201).await.unwrap().index, 1);
    assert!(matches!(store.say(identity(1), first, 202, "x").await, Err(StoreError::Full)));
    assert_eq!(store.count("SELECT COUNT(*) FROM messages").await, 1 + 31 + 2);
    assert!(store.all(identity(1), first).await.is_some(), "reads still succeed");
}

async fn a_conversation_holds_2000_guest_messages(store: Store) {
    let sid = store.open(conversation(1, 1)).await;
    store.append(identity(1), sid, 20).await.unwrap();
    assert_eq!(
        store.count("SELECT guest_messages FROM conversations").await,
        1,
        "the welcome is not the guest's"
    );
    store.connection().await.execute("UPDATE conversations SET guest_messages = 1999").await;
    store.append(identity(1), sid, 21).await.unwrap();
    assert!(matches!(store.say(identity(1), sid, 22, "x").await, Err(StoreError::Full)));
    assert_eq!(store.all(identity(1), sid).await.unwrap().len(), 3);
    let next = store.open(conversation(1, 2)).await;
    assert_eq!(next, ConversationSid::from_bits(2));
}

async fn concurrent_opens_create_one_next_conversation(store: Store) {
    store.open(conversation(1, 1000)).await;
    for round in 0..3_u128 {
        store.connection().await.execute("UPDATE conversations SET guest_messages = 2000").await;
        let mut opens = JoinSet::new();
        for n in 1..=32 {
            let conversations = store.conversations.clone();
            let new = conversation(1, 1 + round * 100 + n);
            opens.spawn(async move { conversations.open_conversation(new).await.unwrap().sid });
        }
        let mut sids = opens.join_all().await;
        sids.dedup();
        assert_eq!(sids.len(), 1, "{sids:?}");
        assert_eq!(
            store.conversations.by_session(ACCOUNT, session(1), identity(1)).await.unwrap(),
            Some(sids[0])
        );
    }
    assert_eq!(store.count("SELECT COUNT(*) FROM conversations").await, 4);
    assert_eq!(store.count("SELECT COUNT(*) FROM messages").await, 4);
}
