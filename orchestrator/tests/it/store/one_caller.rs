//! Single callers: reads return what was written, only to its owner, completely or not at all.

use chrono::TimeDelta;
use conversations::{
    Appended, LastSession, MessageRecord, NewConversation, NewMessage, Range, SYSTEM, StoreError,
};
use shared_types::{
    AddressSid, ConversationSid, DeploymentKey, MessageSid, Thumbprint, desk::Side,
    orchestrator::list_messages::ChatMessage,
};

use crate::store::{
    ACCOUNT, DEPLOYMENT, OTHER_ACCOUNT, Store, conversation, identity, message, now, session, started,
};

test_support::on_both_engines! {
    Store:
    a_conversation_starts_with_its_welcome_message,
    a_session_has_one_conversation,
    messages_are_paged_from_an_index,
    append_returns_the_message_as_read,
    other_identities_and_accounts_find_nothing,
    a_failed_welcome_message_rolls_back_the_conversation,
    a_failed_message_takes_no_index,
    the_last_session_of_an_identity_is_stored,
    the_session_end_is_stored_with_its_conversation,
}

async fn a_conversation_starts_with_its_welcome_message(store: Store) {
    let sid = store.open(conversation(1, 7)).await;
    assert_eq!(sid, ConversationSid::from_bits(7));
    let welcome = ChatMessage {
        sid: MessageSid::from_bits(7),
        index: 0,
        author: SYSTEM.to_owned(),
        body: "Welcome!".to_owned(),
        date_created: now(),
    };
    assert_eq!(store.all(identity(1), sid).await.unwrap(), [welcome]);
    assert_eq!(store.conversations.by_session(ACCOUNT, session(1), identity(1)).await.unwrap(), Some(sid));
    assert_eq!(store.conversations.by_session(ACCOUNT, session(2), identity(2)).await.unwrap(), None);
    assert_eq!(store.conversations.by_session(OTHER_ACCOUNT, session(1), identity(1)).await.unwrap(), None);
    let kept = "SELECT address_sid, customer_friendly_name, pre_engagement_data FROM conversations";
    let expected =
        (AddressSid::from_bits(1).to_string(), "Ada".to_owned(), r#"{"question":"why?\u0000"}"#.to_owned());
    assert_eq!(store.connection().await.texts(kept).await, expected);
}

async fn a_session_has_one_conversation(store: Store) {
    let first = store.open(conversation(1, 1)).await;
    assert_eq!(store.open(conversation(1, 2)).await, first);
    assert_eq!(store.all(identity(1), first).await.unwrap().len(), 1);

    // The same session id in another account is another session.
    let elsewhere = NewConversation { account_sid: OTHER_ACCOUNT, ..conversation(1, 3) };
    assert_eq!(store.open(elsewhere).await, ConversationSid::from_bits(3));
}

async fn messages_are_paged_from_an_index(store: Store) {
    let sid = store.open(conversation(1, 1)).await;
    for n in 101..=105 {
        store.append(identity(1), sid, n).await.unwrap();
    }
    let indexes = async |after, limit| -> Vec<u32> {
        let messages = store
            .conversations
            .messages(ACCOUNT, identity(1), sid, Range::After(after), limit)
            .await
            .unwrap()
            .unwrap()
            .messages;
        messages.iter().map(|message| message.index).collect()
    };
    assert_eq!(indexes(None, 100).await, [0, 1, 2, 3, 4, 5]);
    assert_eq!(indexes(None, 2).await, [0, 1]);
    assert_eq!(indexes(Some(0), 2).await, [1, 2]);
    assert_eq!(indexes(Some(4), 100).await, [5]);
    assert!(indexes(Some(5), 100).await.is_empty());
    assert!(indexes(Some(u32::MAX), 0).await.is_empty());
}

async fn append_returns_the_message_as_read(store: Store) {
    let sid = store.open(conversation(1, 1)).await;
    let finer = now() + TimeDelta::nanoseconds(999_999);
    let body = "\u{1f600} 'quoted' -- \n";
    let expected = MessageRecord {
        sid: MessageSid::from_bits(2),
        index: 1,
        side: Side::Guest,
        author: "someone".to_owned(),
        body: body.to_owned(),
        attributes: None,
        date_created: now(),
        date_updated: now(),
    };
    let new = NewMessage { author: "someone", now: finer, ..message(2, body) };
    let appended = store.conversations.append_of_guest(ACCOUNT, identity(1), sid, new).await.unwrap();
    assert_eq!(appended, Some(Appended { message: expected.clone(), is_repeated: false }));
    assert_eq!(
        store.conversations.message(ACCOUNT, sid, expected.sid).await.unwrap(),
        Some(expected.clone())
    );
    assert_eq!(store.all(identity(1), sid).await.unwrap().last(), Some(&expected.into()));

    let attributes = Some(r#"{"a":"\u0000"}"#);
    let of_desk = NewMessage { author: "Agent \u{1f600}", attributes, ..message(3, "\t") };
    let appended = store.conversations.append_of_desk(ACCOUNT, sid, of_desk).await.unwrap().unwrap().message;
    assert_eq!((appended.side, appended.index, appended.attributes.as_deref()), (Side::Desk, 2, attributes));
    assert_eq!(store.conversations.message(ACCOUNT, sid, appended.sid).await.unwrap(), Some(appended));
}

async fn other_identities_and_accounts_find_nothing(store: Store) {
    let sid = store.open(conversation(1, 1)).await;
    let missing = ConversationSid::from_bits(99);
    for (account, identity, sid) in
        [(ACCOUNT, identity(2), sid), (OTHER_ACCOUNT, identity(1), sid), (ACCOUNT, identity(1), missing)]
    {
        assert_eq!(
            store.conversations.messages(account, identity, sid, Range::After(None), 10).await.unwrap(),
            None
        );
        let append = store.conversations.append_of_guest(account, identity, sid, message(2, "y"));
        assert_eq!(append.await.unwrap(), None);
    }
    assert_eq!(store.append(identity(1), sid, 2).await.unwrap().index, 1);
    assert_eq!(store.all(identity(1), sid).await.unwrap().len(), 2);
}

async fn a_failed_welcome_message_rolls_back_the_conversation(store: Store) {
    store.open(conversation(1, 1)).await;
    let clash = NewConversation { welcome: (MessageSid::from_bits(1), "Hi"), ..conversation(2, 2) };
    let failed = store.conversations.open_conversation(clash).await;
    assert!(matches!(failed, Err(StoreError::Database(_))), "{failed:?}");
    assert_eq!(store.conversations.by_session(ACCOUNT, session(2), identity(2)).await.unwrap(), None);
    assert_eq!(store.count("SELECT COUNT(*) FROM conversations").await, 1);
    // The same session can be opened afterwards.
    store.open(conversation(2, 2)).await;
}

async fn a_failed_message_takes_no_index(store: Store) {
    let sid = store.open(conversation(1, 1)).await;
    let clash = store.conversations.append_of_guest(ACCOUNT, identity(1), sid, message(1, "y"));
    assert!(clash.await.is_err());
    assert_eq!(store.append(identity(1), sid, 2).await.unwrap().index, 1);
}

async fn the_last_session_of_an_identity_is_stored(store: Store) {
    let key = |n: u8| Some(Thumbprint::from_bytes([n; 32]));
    let last = async || store.conversations.last_session(ACCOUNT, DEPLOYMENT, identity(1)).await.unwrap();
    let bound = |n: u8| LastSession { session: started(n), jkt: key(n), ended: false };
    assert_eq!(last().await, None);
    let first = NewConversation { jkt: key(1), ..conversation(1, 1) };
    store.open(first).await;
    assert_eq!(last().await, Some(bound(1)));
    let second = NewConversation {
        session: started(2),
        jkt: key(2),
        now: now() + TimeDelta::seconds(1),
        ..conversation(1, 2)
    };
    store.open(second).await;
    assert_eq!(last().await, Some(bound(2)));
    for (account, deployment) in [(OTHER_ACCOUNT, DEPLOYMENT), (ACCOUNT, DeploymentKey::from_bits(9))] {
        let other = store.conversations.last_session(account, deployment, identity(1)).await.unwrap();
        assert_eq!(other, None);
    }
    // Whatever earlier sessions were bound to: after a last session without a key, the identity is not granted again.
    let unbound =
        NewConversation { session: started(3), now: now() + TimeDelta::seconds(2), ..conversation(1, 3) };
    store.open(unbound).await;
    assert_eq!(last().await, Some(LastSession { session: started(3), jkt: None, ended: false }));
}

async fn the_session_end_is_stored_with_its_conversation(store: Store) {
    store.open(conversation(1, 1)).await;
    let ended = async || {
        let last = store.conversations.last_session(ACCOUNT, DEPLOYMENT, identity(1)).await.unwrap();
        last.unwrap().ended
    };
    for (account, session) in [(OTHER_ACCOUNT, session(1)), (ACCOUNT, session(2))] {
        store.conversations.end_session(account, session, now()).await.unwrap();
        assert!(!ended().await);
    }
    for _ in 0..2 {
        store.conversations.end_session(ACCOUNT, session(1), now()).await.unwrap();
        assert!(ended().await);
    }
}
