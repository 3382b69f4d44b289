//! Waiting for messages: whatever is cut, delayed or concurrent, every waiter that reads until nothing is left has all
//! messages, in order, none twice, and none sleeps while there is a message that it has not.

mod waiter;

use std::{cell::RefCell, future::Future, pin::Pin, task::Poll, time::Duration};

use conversations::Conversations;
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, prop_oneof},
    test_runner::{Config, TestRunner},
};
use shared_types::ConversationSid;
use test_support::within;
use tokio::{runtime::Handle, task::block_in_place, time::sleep};

use self::waiter::Waiter;
use crate::store::{Store, conversation, identity, message, open};

const LIMIT: Duration = Duration::from_secs(30);
const GUEST: u8 = 1;
const WAITERS: usize = 3;
const CASES: u32 = 40;

test_support::on_both_engines! { Store: nothing_is_lost_whatever_is_cut, a_message_whose_sender_goes_away_wakes }

/// A step of a case.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The desk begins to send a message.
    Send,
    /// The oldest message that is being sent makes progress.
    ContinueSending,
    /// The sender of the oldest such message goes away.
    CutSending,
    /// The waiter begins to wait, or makes progress.
    Wait(usize),
    /// The waiter's connection is cut.
    CutWaiting(usize),
    /// The waiter reads without waiting.
    Read(usize),
    /// Time passes.
    Pause,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Send),
        3 => Just(Step::ContinueSending),
        1 => Just(Step::CutSending),
        8 => (0..WAITERS).prop_map(Step::Wait),
        1 => (0..WAITERS).prop_map(Step::CutWaiting),
        1 => (0..WAITERS).prop_map(Step::Read),
        2 => Just(Step::Pause),
    ]
}

async fn nothing_is_lost_whatever_is_cut(store: Store) {
    let replicas = replicas(&store).await;
    let config =
        Config { cases: CASES, max_shrink_iters: 50, failure_persistence: None, ..Config::default() };
    let (handle, number) = (Handle::current(), RefCell::new(0));
    let checked = block_in_place(|| {
        TestRunner::new(config).run(&vec(step(), 0..60), |steps| {
            *number.borrow_mut() += 1;
            handle.block_on(check(&store, &replicas, *number.borrow(), &steps));
            Ok(())
        })
    });
    checked.unwrap_or_else(|error| panic!("{error}"));
}

/// Two replicas where there can be two; with SQLite, only the process of the change wakes.
async fn replicas(store: &Store) -> [Conversations; 2] {
    let first = store.conversations.clone();
    let second = if first.is_on_postgres() { open(&store.url).await } else { first.clone() };
    [first, second]
}

async fn check(store: &Store, replicas: &[Conversations; 2], case: u128, steps: &[Step]) {
    let conversation = store.open(conversation(GUEST, case << 32)).await;
    let mut waiters: Vec<_> =
        (0..WAITERS).map(|n| Waiter::new(replicas[n % 2].clone(), conversation)).collect();
    let (mut sent, mut sending) = (0, Vec::<Sending>::new());
    for step in steps {
        match *step {
            Step::Send => {
                sent += 1;
                sending.push(send(&replicas[0], conversation, (case << 32) + sent));
            }
            Step::ContinueSending if !sending.is_empty() => {
                if poll(sending[0].as_mut()).await {
                    drop(sending.remove(0));
                }
            }
            Step::CutSending if !sending.is_empty() => drop(sending.remove(0)),
            Step::ContinueSending | Step::CutSending => {}
            Step::Wait(n) => waiters[n].advance().await,
            Step::CutWaiting(n) => waiters[n].cut(),
            Step::Read(n) => waiters[n].read().await,
            Step::Pause => sleep(Duration::from_millis(1)).await,
        }
    }
    for sending in sending {
        sending.await;
    }
    // From here on a waiter that sleeps makes no progress unless it is woken.
    let all_have_all = async {
        loop {
            for waiter in &mut waiters {
                waiter.advance().await;
            }
            let all = store.all(identity(GUEST), conversation).await.unwrap();
            if waiters.iter().all(|waiter| waiter.received == all) {
                return;
            }
            sleep(Duration::from_micros(200)).await;
        }
    };
    within(LIMIT, "every waiter has every message", all_have_all).await;
}

type Sending = Pin<Box<dyn Future<Output = ()>>>;

fn send(store: &Conversations, conversation: ConversationSid, n: u128) -> Sending {
    let store = store.clone();
    Box::pin(async move {
        let sent = store.append_of_desk(crate::store::ACCOUNT, conversation, message(n, "hello")).await;
        sent.unwrap().unwrap();
    })
}

/// Polls once; whether it is ready.
async fn poll(mut future: Pin<&mut dyn Future<Output = ()>>) -> bool {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

async fn a_message_whose_sender_goes_away_wakes(store: Store) {
    let [first, second] = replicas(&store).await;
    let conversation = store.open(conversation(GUEST, 1)).await;
    let mut registration = second.hub().register(conversation);
    let mut sending = send(&first, conversation, 2);
    assert!(!poll(sending.as_mut()).await, "sent at once");
    drop(sending);
    within(LIMIT, "the waiter is woken", registration.changed()).await;
    assert_eq!(store.all(identity(GUEST), conversation).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_change_that_was_written_before_the_store_closes_reaches_other_replicas() {
    let store = Store::on_postgres().await;
    let [first, second] = replicas(&store).await;
    let conversation = store.open(conversation(GUEST, 1)).await;
    let mut registration = second.hub().register(conversation);
    send(&first, conversation, 2).await;
    first.close().await;
    within(LIMIT, "the waiter is woken", registration.changed()).await;
}

#[tokio::test]
async fn all_are_woken_once_the_listener_is_connected_again_or_too_many_changes_were_pending() {
    let store = Store::on_postgres().await;
    let mut connection = store.connection().await;
    let conversation = store.open(conversation(GUEST, 1)).await;
    let mut registration = store.conversations.hub().register(conversation);
    let is_listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                        AND query LIKE 'LISTEN %'";
    test_support::eventually(LIMIT, "the listener", async || store.count(is_listening).await == 1).await;
    // The first connection wakes too.
    while tokio::time::timeout(Duration::from_millis(200), registration.changed()).await.is_ok() {}
    for statement in [
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
         AND query LIKE 'LISTEN %'",
        "SELECT pg_notify('conversations_changed', '*')",
    ] {
        connection.execute(statement).await;
        within(LIMIT, statement, registration.changed()).await;
    }
}
