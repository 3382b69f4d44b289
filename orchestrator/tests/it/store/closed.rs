//! Closed conversations can only be read, and stay closed. The first messages of a conversation.

use conversations::{
    Changes, ConversationRecord, MessageRange, NewConversation, Opened, Range, SYSTEM, StoreError,
};
use shared_types::{
    ConversationSid, MessageSid,
    desk::{ConversationState, Side},
};
use tokio::task::JoinSet;

use crate::store::{ACCOUNT, OTHER_ACCOUNT, Store, conversation, identity, message, now, session};

test_support::on_both_engines! {
    Store:
    a_closed_conversation_takes_no_messages,
    ending_the_session_closes_its_conversation,
    closing_concurrently_with_appends_leaves_no_gap,
    the_question_is_the_guests_first_message,
}

const CLOSE: Changes = Changes { friendly_name: None, attributes: None, close: true };

impl Store {
    async fn record(&self, sid: ConversationSid) -> ConversationRecord {
        self.conversations.conversation(ACCOUNT, sid).await.unwrap().unwrap()
    }

    async fn update(&self, sid: ConversationSid, changes: Changes) -> ConversationRecord {
        let record = self.record(sid).await;
        self.conversations.update_conversation(ACCOUNT, record, changes, now()).await.unwrap().unwrap()
    }

    /// Appends of guest and desk are rejected with `Closed`.
    async fn assert_is_closed(&self, sid: ConversationSid) {
        let of_guest = self.conversations.append_of_guest(ACCOUNT, identity(1), sid, message(900, "x")).await;
        let of_desk = self.conversations.append_of_desk(ACCOUNT, sid, message(901, "x")).await;
        for rejected in [of_guest, of_desk] {
            assert!(matches!(rejected, Err(StoreError::Closed)), "{rejected:?}");
        }
        assert_eq!(self.record(sid).await.state, ConversationState::Closed);
        let page = self.conversations.messages(ACCOUNT, identity(1), sid, Range::After(None), 10).await;
        assert_eq!(page.unwrap().unwrap().state, ConversationState::Closed);
    }
}

async fn a_closed_conversation_takes_no_messages(store: Store) {
    let sid = store.open(conversation(1, 1)).await;
    let stale = store.record(sid).await;
    assert_eq!(store.update(sid, CLOSE).await.state, ConversationState::Closed);
    store.assert_is_closed(sid).await;
    // Final, also for a writer that read the conversation before it was closed.
    let rename = Changes { friendly_name: Some(Some("Order 7".to_owned())), ..Changes::default() };
    let renamed =
        store.conversations.update_conversation(ACCOUNT, stale, rename.clone(), now()).await.unwrap();
    let renamed = renamed.unwrap();
    assert_eq!(renamed.state, ConversationState::Closed);
    assert_eq!(renamed.friendly_name.as_deref(), Some("Order 7"));
    store.update(sid, CLOSE).await;
    store.assert_is_closed(sid).await;
    // Other guests and accounts learn nothing.
    let stranger = store.conversations.append_of_guest(ACCOUNT, identity(2), sid, message(9, "x")).await;
    assert_eq!(stranger.unwrap(), None);
    let stranger = store.conversations.append_of_desk(OTHER_ACCOUNT, sid, message(9, "x")).await;
    assert_eq!(stranger.unwrap(), None);
    let record = store.record(sid).await;
    let stranger = store.conversations.update_conversation(OTHER_ACCOUNT, record, rename, now()).await;
    assert_eq!(stranger.unwrap(), None);

    let opened = store.conversations.open_conversation(conversation(1, 2)).await.unwrap();
    assert_eq!(opened, Opened { sid: ConversationSid::from_bits(2), is_new: true });
    let again = store.conversations.open_conversation(conversation(1, 3)).await.unwrap();
    assert_eq!(again, Opened { is_new: false, ..opened });
}

async fn ending_the_session_closes_its_conversation(store: Store) {
    let sid = store.open(conversation(1, 1)).await;
    let of_another_guest = store.open(conversation(2, 2)).await;
    store.conversations.end_session(ACCOUNT, session(1), now()).await.unwrap();
    store.assert_is_closed(sid).await;
    assert_eq!(store.record(of_another_guest).await.state, ConversationState::Active);
    store.append(identity(2), of_another_guest, 20).await.unwrap();
    let next = store.conversations.open_conversation(conversation(1, 3)).await.unwrap();
    assert_eq!(next, Opened { sid: ConversationSid::from_bits(3), is_new: true });
    assert_eq!(
        store.conversations.by_session(ACCOUNT, session(1), identity(1)).await.unwrap(),
        Some(next.sid)
    );
    assert_eq!(store.append(identity(1), next.sid, 30).await.unwrap().index, 1);
    store.assert_is_closed(sid).await;
}

async fn closing_concurrently_with_appends_leaves_no_gap(store: Store) {
    let mut was_cut = 0;
    for round in 1..=5_u8 {
        let sid = store.open(conversation(round, round.into())).await;
        let mut appends = JoinSet::new();
        for n in 0..32 {
            let conversations = store.conversations.clone();
            let number = 1000 * u128::from(round) + n;
            appends.spawn(async move {
                if n == 16 {
                    let record = conversations.conversation(ACCOUNT, sid).await.unwrap().unwrap();
                    conversations.update_conversation(ACCOUNT, record, CLOSE, now()).await.unwrap();
                    return None;
                }
                let new = message(number, "x");
                let appended = match n % 2 {
                    0 => conversations.append_of_guest(ACCOUNT, identity(round), sid, new).await,
                    _ => conversations.append_of_desk(ACCOUNT, sid, new).await,
                };
                match appended {
                    Ok(appended) => Some(appended.unwrap().message.index),
                    Err(StoreError::Closed) => None,
                    Err(error) => panic!("{error:?}"),
                }
            });
        }
        let mut indexes: Vec<u32> = appends.join_all().await.into_iter().flatten().collect();
        indexes.sort_unstable();
        let count = u32::try_from(indexes.len()).unwrap();
        assert_eq!(indexes, (1..=count).collect::<Vec<u32>>());
        let read = store.all(identity(round), sid).await.unwrap();
        assert_eq!(
            read.iter().map(|message| message.index).collect::<Vec<_>>(),
            (0..=count).collect::<Vec<_>>()
        );
        was_cut += u32::from(count < 31);
    }
    assert!(was_cut > 0, "no append came after the close");
}

async fn the_question_is_the_guests_first_message(store: Store) {
    let question = "Wo ist meine Bestellung? \u{1f4e6}";
    let plain = conversation(2, 2);
    let form = plain.customer_friendly_name.as_ref().unwrap().len()
        + plain.pre_engagement_data.as_ref().unwrap().len();
    let asked =
        NewConversation { question: Some((MessageSid::from_bits(7), question)), ..conversation(1, 1) };
    let sid = store.open(asked.clone()).await;
    let opened = store
        .conversations
        .open_conversation(NewConversation { conversation_sid: ConversationSid::from_bits(8), ..asked });
    assert_eq!(opened.await.unwrap(), Opened { sid, is_new: false });

    let page = store.conversations.desk_messages(sid, MessageRange::Ascending(0), 10).await.unwrap();
    let [first, second] = &page.items[..] else { panic!("{page:?}") };
    assert_eq!((first.index, first.side, first.body.as_str()), (0, Side::Guest, question));
    assert_eq!(
        (first.sid, first.author.as_str()),
        (MessageSid::from_bits(7), identity(1).to_string().as_str())
    );
    assert_eq!((second.index, second.side, second.body.as_str()), (1, Side::System, "Welcome!"));
    assert_eq!((second.sid, second.author.as_str()), (MessageSid::from_bits(1), SYSTEM));
    assert_eq!(store.all(identity(1), sid).await.unwrap().len(), 2);
    assert_eq!(store.count("SELECT guest_messages FROM conversations").await, 1);
    let bytes = store.count("SELECT guest_bytes FROM conversations").await;
    assert_eq!(bytes, i64::try_from(form + question.len()).unwrap());
    assert_eq!(store.append(identity(1), sid, 9).await.unwrap().index, 2);

    store.open(plain).await;
    let without = "SELECT guest_messages * 1000000 + guest_bytes FROM conversations WHERE next_index = 1";
    assert_eq!(store.count(without).await, i64::try_from(form).unwrap());
}
