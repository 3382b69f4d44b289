//! Idempotency keys: a repeated append returns the message of the first one.

use conversations::{Appended, Changes, Conversations, IdempotencyKey, NewMessage, StoreError};
use shared_types::{ConversationSid, MessageSid, desk::Side};
use tokio::task::JoinSet;

use crate::store::{ACCOUNT, Store, conversation, identity, message, now, open};

test_support::on_both_engines! {
    Store:
    concurrent_appends_with_one_key_write_one_message,
    another_message_under_a_key_is_rejected,
    keys_of_other_writers_and_conversations_are_other_keys,
    a_repeat_finds_its_message_in_a_full_or_closed_conversation,
    a_repeat_returns_the_erased_message,
}

const SIDES: [Side; 2] = [Side::Guest, Side::Desk];

async fn append(
    conversations: &Conversations,
    side: Side,
    conversation: ConversationSid,
    new: NewMessage<'_>,
) -> Result<Appended, StoreError> {
    let appended = match side {
        Side::Guest => conversations.append_of_guest(ACCOUNT, identity(1), conversation, new).await?,
        Side::Desk | Side::System => conversations.append_of_desk(ACCOUNT, conversation, new).await?,
    };
    Ok(appended.unwrap())
}

fn with_key<'a>(writer: &str, sid: u128, body: &'a str) -> NewMessage<'a> {
    NewMessage { key: Some(IdempotencyKey::new(writer, b"key")), ..message(sid, body) }
}

async fn concurrent_appends_with_one_key_write_one_message(store: Store) {
    // Two stores on one database do not share a queue, like two processes.
    let other = open(&store.url).await;
    let sid = store.open(conversation(1, 1)).await;
    for (first, side) in [(1000, Side::Guest), (2000, Side::Desk)] {
        let mut appends = JoinSet::new();
        for n in 0..64 {
            let conversations = if n % 2 == 0 { &store.conversations } else { &other }.clone();
            appends.spawn(async move {
                append(&conversations, side, sid, with_key(side.as_str(), first + n, "once")).await.unwrap()
            });
        }
        let appended = appends.join_all().await;
        assert_eq!(appended.iter().filter(|appended| !appended.is_repeated).count(), 1);
        assert!(appended.iter().all(|one| one.message == appended[0].message), "{appended:?}");
    }
    let indexes: Vec<u32> =
        store.all(identity(1), sid).await.unwrap().iter().map(|message| message.index).collect();
    assert_eq!(indexes, [0, 1, 2]);
    assert_eq!(store.count("SELECT guest_messages FROM conversations").await, 1);
}

async fn another_message_under_a_key_is_rejected(store: Store) {
    let sid = store.open(conversation(1, 1)).await;
    for (first, side) in [(10, Side::Guest), (20, Side::Desk)] {
        let new = NewMessage { attributes: Some("{}"), ..with_key(side.as_str(), first, "once") };
        let original = append(&store.conversations, side, sid, new.clone()).await.unwrap();
        for other in [
            NewMessage { body: "twice", ..new.clone() },
            NewMessage { author: "y", ..new.clone() },
            NewMessage { attributes: None, ..new.clone() },
            NewMessage { attributes: Some("[]"), ..new.clone() },
        ] {
            let other = NewMessage { sid: MessageSid::from_bits(first + 1), ..other };
            let found = store.conversations.by_idempotency_key(sid, &other).await;
            assert!(matches!(found, Err(StoreError::KeyReused)), "{found:?}");
            let rejected = append(&store.conversations, side, sid, other).await;
            assert!(matches!(rejected, Err(StoreError::KeyReused)), "{rejected:?}");
        }
        let again = NewMessage { sid: MessageSid::from_bits(first + 1), ..new };
        let found = store.conversations.by_idempotency_key(sid, &again).await.unwrap();
        assert_eq!(found.as_ref(), Some(&original.message));
        let repeated = append(&store.conversations, side, sid, again).await.unwrap();
        assert_eq!(repeated, Appended { is_repeated: true, ..original });
    }
    assert_eq!(store.all(identity(1), sid).await.unwrap().len(), 3);
}

async fn keys_of_other_writers_and_conversations_are_other_keys(store: Store) {
    let sids = [store.open(conversation(1, 1)).await, store.open(conversation(2, 2)).await];
    let mut n = 100;
    for sid in sids {
        for writer in ["a", "b"] {
            n += 1;
            let appended = append(&store.conversations, Side::Desk, sid, with_key(writer, n, writer)).await;
            assert!(!appended.unwrap().is_repeated);
        }
        // Messages without a key are not compared.
        for _ in 0..2 {
            n += 1;
            let appended = append(&store.conversations, Side::Desk, sid, message(n, "a")).await;
            assert!(!appended.unwrap().is_repeated);
            let found = store.conversations.by_idempotency_key(sid, &message(n, "a")).await;
            assert_eq!(found.unwrap(), None);
        }
    }
    assert_eq!(store.count("SELECT COUNT(*) FROM messages").await, 2 + 8);
}

async fn a_repeat_finds_its_message_in_a_full_or_closed_conversation(store: Store) {
    let sid = store.open(conversation(1, 1)).await;
    let mut originals = Vec::new();
    for (n, side) in (10..).zip(SIDES) {
        originals
            .push(append(&store.conversations, side, sid, with_key(side.as_str(), n, "once")).await.unwrap());
    }
    let repeats_are_found = async || {
        for (original, side) in originals.iter().zip(SIDES) {
            let again = with_key(side.as_str(), 99, "once");
            let found = store.conversations.by_idempotency_key(sid, &again).await.unwrap();
            assert_eq!(found.as_ref(), Some(&original.message));
            let repeated = append(&store.conversations, side, sid, again).await.unwrap();
            assert_eq!(repeated, Appended { is_repeated: true, ..original.clone() });
            let reused = append(&store.conversations, side, sid, with_key(side.as_str(), 99, "other")).await;
            assert!(matches!(reused, Err(StoreError::KeyReused)), "{reused:?}");
        }
    };
    store.connection().await.execute("UPDATE conversations SET guest_messages = 2000").await;
    repeats_are_found().await;
    let full = append(&store.conversations, Side::Guest, sid, with_key("another", 99, "once")).await;
    assert!(matches!(full, Err(StoreError::Full)), "{full:?}");

    let record = store.conversations.conversation(ACCOUNT, sid).await.unwrap().unwrap();
    let close = Changes { close: true, ..Changes::default() };
    store.conversations.update_conversation(ACCOUNT, record, close, now()).await.unwrap().unwrap();
    repeats_are_found().await;
    for side in SIDES {
        let closed = append(&store.conversations, side, sid, with_key("another", 99, "once")).await;
        assert!(matches!(closed, Err(StoreError::Closed)), "{closed:?}");
    }
    assert_eq!(store.all(identity(1), sid).await.unwrap().len(), 3);
}

async fn a_repeat_returns_the_erased_message(store: Store) {
    let sid = store.open(conversation(1, 1)).await;
    for (n, side) in (10..).zip(SIDES) {
        let new = NewMessage { attributes: Some("{}"), ..with_key(side.as_str(), n, "once") };
        let original = append(&store.conversations, side, sid, new.clone()).await.unwrap().message;
        assert!(store.conversations.erase_message(ACCOUNT, sid, original.sid, now()).await.unwrap());
        let again = NewMessage { sid: MessageSid::from_bits(99), ..new };
        let repeated = append(&store.conversations, side, sid, again).await.unwrap();
        assert!(repeated.is_repeated);
        assert_eq!((repeated.message.sid, repeated.message.index), (original.sid, original.index));
        assert_eq!((repeated.message.body.as_str(), repeated.message.attributes), ("", None));
    }
}
