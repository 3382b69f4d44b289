//! The outbox of webhook events: written with the change that they report, leased in order, kept until they are accepted.

mod leases;

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use conversations::{
    Changes, Conversations, EndpointId, Event, EventType, MAX_GUEST_MESSAGES, NewConversation, StoreError,
    Subscription, Subscriptions,
};
use shared_types::{ConversationSid, MessageSid};
use tokio::task::JoinSet;

use crate::store::{ACCOUNT, OTHER_ACCOUNT, Store, conversation, identity, message, now, open, session};

test_support::on_both_engines! {
    Store:
    each_change_is_reported_once,
    only_subscribed_events_are_written,
    ending_the_session_is_reported_for_its_active_conversation,
    an_erasure_deletes_pending_events_and_is_reported,
    a_rejected_or_repeated_message_is_not_reported,
    concurrent_messages_have_consecutive_event_numbers,
}

const CLOSE: Changes = Changes { friendly_name: None, attributes: None, close: true };

fn endpoint(n: u8) -> EndpointId {
    EndpointId::new(ACCOUNT, &format!("https://desk.example.com/{n}"))
}

fn webhook(n: u8, events: &[EventType]) -> Subscription {
    Subscription { endpoint: endpoint(n), events: events.to_vec() }
}

fn after(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

impl Store {
    /// The store with one webhook that receives everything.
    fn reporting(&self) -> Conversations {
        self.conversations.reporting_to(Subscriptions::new([webhook(1, &EventType::ALL)]))
    }

    /// Delivers all events of an endpoint that are due, in the order in which they are leased.
    async fn deliver(&self, endpoint: &EndpointId) -> Vec<Event> {
        let mut delivered = Vec::new();
        loop {
            let leased = self.conversations.lease_events(endpoint, 10, now()).await.unwrap();
            if leased.is_empty() {
                return delivered;
            }
            self.conversations.events_delivered(endpoint, &leased, now()).await.unwrap();
            delivered.extend(leased);
        }
    }

    async fn close(&self, conversations: &Conversations, sid: ConversationSid) {
        let record = conversations.conversation(ACCOUNT, sid).await.unwrap().unwrap();
        conversations.update_conversation(ACCOUNT, record, CLOSE, now()).await.unwrap().unwrap();
    }
}

fn summaries(events: &[Event]) -> Vec<(i64, EventType, Option<MessageSid>)> {
    events.iter().map(|event| (event.number, event.event_type, event.message)).collect()
}

async fn each_change_is_reported_once(store: Store) {
    let conversations = store.reporting();
    let asked = NewConversation { question: Some((MessageSid::from_bits(7), "why?")), ..conversation(1, 1) };
    let sid = conversations.open_conversation(asked).await.unwrap().sid;
    conversations.open_conversation(conversation(1, 2)).await.unwrap();
    conversations.append_of_desk(ACCOUNT, sid, message(8, "because")).await.unwrap().unwrap();
    let full = format!("UPDATE conversations SET guest_messages = {}", MAX_GUEST_MESSAGES - 2);
    store.connection().await.execute(&full).await;
    for n in [9, 10] {
        conversations.append_of_guest(ACCOUNT, identity(1), sid, message(n, "y")).await.unwrap().unwrap();
    }
    conversations.append_of_desk(ACCOUNT, sid, message(11, "z")).await.unwrap().unwrap();
    store.close(&conversations, sid).await;
    store.close(&conversations, sid).await;
    conversations.end_session(ACCOUNT, session(1), now()).await.unwrap();

    let delivered = store.deliver(&endpoint(1)).await;
    let added = |number, n| (number, EventType::MessageAdded, Some(MessageSid::from_bits(n)));
    let expected = [
        (0, EventType::ConversationOpened, None),
        added(1, 7),
        added(2, 8),
        added(3, 9),
        added(4, 10),
        (5, EventType::ConversationFull, None),
        added(6, 11),
        (7, EventType::ConversationClosed, None),
    ];
    assert_eq!(summaries(&delivered), expected);
    assert!(delivered.iter().all(|event| event.conversation == sid && event.account == ACCOUNT));
    assert!(delivered.iter().all(|event| event.date_created == now() && event.attempts == 0));
    let ids: HashSet<String> = delivered.iter().map(Event::webhook_id).collect();
    assert_eq!(ids.len(), expected.len());
    assert_eq!(store.count("SELECT COUNT(*) FROM webhook_events").await, 0);
}

async fn only_subscribed_events_are_written(store: Store) {
    let silent = store.open(conversation(1, 1)).await;
    store.append(identity(1), silent, 20).await.unwrap();
    assert_eq!(store.count("SELECT COUNT(*) FROM webhook_events").await, 0);
    let webhooks = [webhook(1, &[EventType::ConversationClosed]), webhook(2, &[EventType::MessageAdded])];
    let conversations = store.conversations.reporting_to(Subscriptions::new(webhooks));
    let sid = conversations.open_conversation(conversation(2, 2)).await.unwrap().sid;
    conversations.append_of_desk(ACCOUNT, sid, message(21, "x")).await.unwrap().unwrap();
    store.close(&conversations, sid).await;
    let [closed, added] = [store.deliver(&endpoint(1)).await, store.deliver(&endpoint(2)).await];
    assert_eq!(summaries(&closed), [(1, EventType::ConversationClosed, None)]);
    assert_eq!(summaries(&added), [(0, EventType::MessageAdded, Some(MessageSid::from_bits(21)))]);
}

async fn ending_the_session_is_reported_for_its_active_conversation(store: Store) {
    let conversations = store.reporting();
    let first = conversations.open_conversation(conversation(1, 1)).await.unwrap().sid;
    store.close(&conversations, first).await;
    let second = conversations.open_conversation(conversation(1, 2)).await.unwrap().sid;
    conversations.open_conversation(conversation(2, 3)).await.unwrap();
    store.deliver(&endpoint(1)).await;
    for _ in 0..2 {
        conversations.end_session(ACCOUNT, session(1), now()).await.unwrap();
    }
    let delivered = store.deliver(&endpoint(1)).await;
    assert_eq!(summaries(&delivered), [(1, EventType::ConversationClosed, None)]);
    assert_eq!(delivered[0].conversation, second);
    assert_eq!(store.count("SELECT COUNT(*) FROM conversations WHERE state = 'closed'").await, 2);
}

async fn an_erasure_deletes_pending_events_and_is_reported(store: Store) {
    let conversations = store.reporting();
    let sid = conversations.open_conversation(conversation(1, 1)).await.unwrap().sid;
    let other = conversations.open_conversation(conversation(2, 2)).await.unwrap().sid;
    conversations.append_of_desk(ACCOUNT, sid, message(8, "x")).await.unwrap().unwrap();
    assert!(!conversations.erase_conversation(OTHER_ACCOUNT, sid, now()).await.unwrap());
    assert_eq!(store.count("SELECT COUNT(*) FROM webhook_events").await, 3);
    assert!(conversations.erase_conversation(ACCOUNT, sid, now()).await.unwrap());
    assert!(!conversations.erase_conversation(ACCOUNT, sid, now()).await.unwrap());
    let delivered: HashSet<_> = store
        .deliver(&endpoint(1))
        .await
        .into_iter()
        .map(|event| (event.conversation, event.number, event.event_type.as_str()))
        .collect();
    assert_eq!(
        delivered,
        HashSet::from([(sid, 2, "conversation.erased"), (other, 0, "conversation.opened")])
    );
}

async fn a_rejected_or_repeated_message_is_not_reported(store: Store) {
    let conversations = store.reporting();
    let sid = conversations.open_conversation(conversation(1, 1)).await.unwrap().sid;
    for (n, is_repeated) in [(8, false), (9, true)] {
        let key = Some(conversations::IdempotencyKey::new("desk", b"k"));
        let new = conversations::NewMessage { key, ..message(n, "x") };
        let appended = conversations.append_of_desk(ACCOUNT, sid, new).await.unwrap().unwrap();
        assert_eq!(appended.is_repeated, is_repeated);
    }
    store.close(&conversations, sid).await;
    let rejected = conversations.append_of_guest(ACCOUNT, identity(1), sid, message(10, "x")).await;
    assert!(matches!(rejected, Err(StoreError::Closed)), "{rejected:?}");
    let stranger = conversations.append_of_desk(OTHER_ACCOUNT, sid, message(11, "x")).await;
    assert_eq!(stranger.unwrap(), None);
    let delivered = store.deliver(&endpoint(1)).await;
    let types: Vec<_> = summaries(&delivered).into_iter().map(|(number, event, _)| (number, event)).collect();
    let expected = [EventType::ConversationOpened, EventType::MessageAdded, EventType::ConversationClosed];
    assert_eq!(types, (0..).zip(expected).collect::<Vec<_>>());
}

async fn concurrent_messages_have_consecutive_event_numbers(store: Store) {
    let webhooks = Subscriptions::new([webhook(1, &EventType::ALL)]);
    let replicas = [store.reporting(), open(&store.url).await.reporting_to(webhooks)];
    let sid = replicas[0].open_conversation(conversation(1, 1)).await.unwrap().sid;
    let mut appends = JoinSet::new();
    for n in 0..40u128 {
        let conversations = replicas[usize::from(n % 2 == 0)].clone();
        appends.spawn(async move {
            let new = message(100 + n, "y");
            match n % 4 {
                0 | 1 => conversations.append_of_guest(ACCOUNT, identity(1), sid, new).await,
                _ => conversations.append_of_desk(ACCOUNT, sid, new).await,
            }
        });
    }
    appends.join_all().await.into_iter().for_each(|appended| assert!(appended.unwrap().is_some()));
    let numbers: Vec<i64> = store.deliver(&endpoint(1)).await.iter().map(|event| event.number).collect();
    assert_eq!(numbers, (0..=40).collect::<Vec<_>>());
}
