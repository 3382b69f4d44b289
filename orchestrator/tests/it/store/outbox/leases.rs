//! Leases, retries and bounds of webhook events.

use std::{collections::HashSet, time::Duration};

use chrono::TimeDelta;
use conversations::{Event, LEASE, OutboxBounds, Retry};
use tokio::task::JoinSet;

use super::{after, endpoint};
use crate::store::{ACCOUNT, Store, conversation, message, now, open};

test_support::on_both_engines! {
    Store:
    a_leased_event_is_due_again_after_the_lease,
    later_events_wait_five_minutes_for_one_that_fails,
    an_event_fails_after_the_last_attempt_or_a_410,
    a_late_report_does_not_change_another_lease,
    concurrent_senders_lease_different_events,
    old_and_excess_events_fail_and_are_deleted,
    an_endpoint_with_many_failures_is_probed_by_one_replica,
    failed_events_are_replayed_in_order,
    a_promotion_that_was_not_made_is_made_up_for,
}

const ON_SCHEDULE: Retry = Retry::Scheduled { jitter: 0.5, retry_after: None };

impl Store {
    /// Leases the events that are due after this many seconds.
    async fn lease(&self, seconds: i64) -> Vec<Event> {
        self.conversations.lease_events(&endpoint(1), 10, after(seconds)).await.unwrap()
    }

    async fn accept(&self, events: &[Event]) {
        self.accept_at(events, 0).await;
    }

    async fn accept_at(&self, events: &[Event], seconds: i64) {
        self.conversations.events_delivered(&endpoint(1), events, after(seconds)).await.unwrap();
    }

    /// A conversation with this many messages of the desk, and so one event more.
    async fn talk(&self, n: u8, messages: u128) {
        let conversations = self.reporting();
        let sid = conversations.open_conversation(conversation(n, n.into())).await.unwrap().sid;
        for index in 0..messages {
            let new = message(u128::from(n) * 1000 + index, "x");
            conversations.append_of_desk(ACCOUNT, sid, new).await.unwrap().unwrap();
        }
    }

    async fn purge(&self, bounds: OutboxBounds, days: i64) {
        let at = now() + TimeDelta::days(days);
        loop {
            let purged = self.conversations.purge_events(&endpoint(1), bounds, at).await.unwrap();
            if purged.failed + purged.deleted == 0 {
                return;
            }
        }
    }
}

fn numbers(events: &[Event]) -> Vec<i64> {
    events.iter().map(|event| event.number).collect()
}

async fn a_leased_event_is_due_again_after_the_lease(store: Store) {
    store.talk(1, 1).await;
    let first = store.lease(0).await;
    assert_eq!(numbers(&first), [0]);
    assert_eq!(first[0].leased_until, now() + LEASE);
    assert_eq!(store.lease(29).await, []);
    let again = store.lease(30).await;
    assert_eq!(numbers(&again), [0]);
    assert_eq!(again[0].webhook_id(), first[0].webhook_id());
    // Accepted, even though the lease was over.
    store.accept(&first).await;
    assert_eq!(numbers(&store.lease(30).await), [1]);
}

async fn later_events_wait_five_minutes_for_one_that_fails(store: Store) {
    store.talk(1, 2).await;
    store.talk(2, 0).await;
    let mut leased = store.lease(0).await;
    leased.retain(|event| event.conversation == shared_types::ConversationSid::from_bits(1));
    let failing = leased.pop().unwrap();
    assert_eq!(failing.number, 0);
    let wait = Some(Duration::from_secs(3600));
    let retry = Retry::Scheduled { jitter: 0.5, retry_after: wait };
    let failed = store.conversations.event_attempt_failed(&failing, retry, now()).await.unwrap();
    assert_eq!((failed.next_attempt, failed.failures), (Some(after(3600)), 1));
    let other = store.lease(299).await;
    assert!(other.iter().all(|event| event.conversation != failing.conversation), "{other:?}");
    store.accept(&other).await;
    store.conversations.release_events(&endpoint(1), after(299)).await.unwrap();
    assert_eq!(store.lease(299).await, []);
    store.conversations.release_events(&endpoint(1), after(300)).await.unwrap();
    let second = store.lease(300).await;
    assert_eq!(numbers(&second), [1], "its own later events wait for it");
    store.accept_at(&second, 300).await;
    let third = store.lease(300).await;
    assert_eq!(numbers(&third), [2]);
    store.accept_at(&third, 300).await;
    // New events do not wait for the one that fails either.
    let conversations = store.reporting();
    let new = conversations::NewMessage { now: after(301), ..message(1999, "x") };
    conversations.append_of_desk(ACCOUNT, failing.conversation, new).await.unwrap().unwrap();
    assert_eq!(numbers(&store.lease(301).await), [3]);
    let again = store.lease(3600).await;
    assert_eq!(again.iter().find(|event| event.number == 0).unwrap().attempts, 1);
}

async fn an_event_fails_after_the_last_attempt_or_a_410(store: Store) {
    store.talk(1, 2).await;
    let (mut at, mut attempts) = (now(), 0);
    loop {
        // Later ones are due too, once it has failed for five minutes.
        let leased = store.conversations.lease_events(&endpoint(1), 10, at).await.unwrap();
        let failing = leased.iter().find(|event| event.number == 0).unwrap();
        assert_eq!(failing.attempts, attempts);
        attempts += 1;
        let failed = store.conversations.event_attempt_failed(failing, ON_SCHEDULE, at).await.unwrap();
        match failed.next_attempt {
            Some(next) => at = next,
            None => break,
        }
    }
    assert_eq!(attempts, 10);
    let lease = async || store.conversations.lease_events(&endpoint(1), 10, at + LEASE).await.unwrap();
    let [gone] = &lease().await[..] else { panic!("the next event is not due") };
    assert_eq!(gone.number, 1);
    let failed = store.conversations.event_attempt_failed(gone, Retry::Never, at).await.unwrap();
    assert_eq!((failed.next_attempt, failed.failures), (None, 11));
    assert_eq!(numbers(&lease().await), [2]);
    assert_eq!(store.count("SELECT COUNT(*) FROM webhook_events WHERE state = 'failed'").await, 2);
}

async fn a_late_report_does_not_change_another_lease(store: Store) {
    store.talk(1, 0).await;
    let late = store.lease(0).await;
    let current = store.lease(30).await;
    store.conversations.event_attempt_failed(&late[0], Retry::Never, after(31)).await.unwrap();
    assert_eq!(store.lease(59).await, []);
    let failed = store.conversations.event_attempt_failed(&current[0], ON_SCHEDULE, after(59)).await.unwrap();
    assert_eq!(failed.next_attempt, Some(after(64)));
    assert_eq!(store.lease(63).await, []);
    assert_eq!(store.lease(64).await[0].attempts, 1);
}

async fn concurrent_senders_lease_different_events(store: Store) {
    for n in 1..=40 {
        store.talk(n, 1).await;
    }
    let replicas = [store.conversations.clone(), open(&store.url).await];
    let mut senders = JoinSet::new();
    for n in 0..16 {
        let conversations = replicas[n % 2].clone();
        senders.spawn(async move { conversations.lease_events(&endpoint(1), 5, now()).await.unwrap() });
    }
    let mut leased = senders.join_all().await.concat();
    leased.extend(store.conversations.lease_events(&endpoint(1), 100, now()).await.unwrap());
    assert!(leased.iter().all(|event| event.number == 0));
    let ids: HashSet<String> = leased.iter().map(Event::webhook_id).collect();
    assert_eq!((leased.len(), ids.len()), (40, 40));
}

async fn old_and_excess_events_fail_and_are_deleted(store: Store) {
    let count = async |state| {
        let query = format!("SELECT COUNT(*) FROM webhook_events WHERE state = '{state}'");
        store.connection().await.number(&query).await
    };
    store.talk(1, 4).await;
    store.purge(OutboxBounds::default(), 6).await;
    assert_eq!((count("pending").await, count("failed").await), (5, 0));
    store.purge(OutboxBounds { max_events: 3, ..OutboxBounds::default() }, 6).await;
    assert_eq!((count("pending").await, count("failed").await), (3, 2));
    assert_eq!(numbers(&store.lease(6 * 24 * 3600).await), [2], "the oldest failed");
    store.purge(OutboxBounds::default(), 7).await;
    assert_eq!((count("pending").await, count("failed").await), (0, 5));
    store.purge(OutboxBounds { max_events: 4, ..OutboxBounds::default() }, 29).await;
    assert_eq!(count("failed").await, 4);
    store.purge(OutboxBounds::default(), 30).await;
    assert_eq!(count("failed").await, 0);
}

async fn an_endpoint_with_many_failures_is_probed_by_one_replica(store: Store) {
    for n in 1..=25 {
        store.talk(n, 0).await;
    }
    let leased = store.conversations.lease_events(&endpoint(1), 20, now()).await.unwrap();
    assert_eq!(leased.len(), 20);
    for (failures, event) in (1..).zip(&leased) {
        let failed = store.conversations.event_attempt_failed(event, ON_SCHEDULE, now()).await.unwrap();
        assert_eq!(failed.failures, failures);
    }
    let replicas = [store.conversations.clone(), open(&store.url).await];
    assert_eq!(store.lease(299).await, []);
    let lease = async |n: usize| replicas[n].lease_events(&endpoint(1), 10, after(300)).await;
    let (first, second) = tokio::join!(lease(0), lease(1));
    let probe = [first.unwrap(), second.unwrap()].concat();
    assert_eq!(probe.len(), 1);
    assert_eq!(store.lease(599).await, [], "the lease ended, and the interval of probes did not");
    let [probe] = &store.lease(600).await[..] else { panic!("no second probe") };
    store.accept_at(std::slice::from_ref(probe), 600).await;
    assert_eq!(store.lease(600).await.len(), 10, "the endpoint answers again");
}

async fn failed_events_are_replayed_in_order(store: Store) {
    store.talk(1, 2).await;
    store.talk(2, 1).await;
    store.purge(OutboxBounds::default(), 7).await;
    let failed = store.conversations.failed_events(&endpoint(1), 10).await.unwrap();
    assert_eq!(failed.len(), 5);
    assert_eq!(store.conversations.failed_events(&endpoint(1), 2).await.unwrap(), failed[..2]);
    let conversation = failed.iter().find(|event| event.number == 2).unwrap().conversation;
    let replay = async |conversation| {
        store.conversations.replay_events(&endpoint(1), conversation, after(0)).await.unwrap()
    };
    assert_eq!(replay(Some(conversation)).await, 3);
    for number in 0..3 {
        let leased = store.lease(0).await;
        assert_eq!(numbers(&leased), [number]);
        store.accept(&leased).await;
    }
    assert_eq!(replay(None).await, 2);
    assert_eq!(replay(None).await, 0);
    assert_eq!(numbers(&store.lease(0).await), [0]);
}

async fn a_promotion_that_was_not_made_is_made_up_for(store: Store) {
    store.talk(1, 2).await;
    store.talk(2, 1).await;
    store.connection().await.execute("DELETE FROM webhook_events WHERE event_number = 0").await;
    assert_eq!(store.lease(0).await, []);
    for _ in 0..2 {
        store.conversations.promote_forgotten(&endpoint(1), now()).await.unwrap();
    }
    assert_eq!(numbers(&store.lease(0).await), [1, 1]);
}
