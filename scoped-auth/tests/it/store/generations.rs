//! A session advances from one generation to the next exactly once, however many callers and replicas request it.

use chrono::TimeDelta;
use scoped_auth::store::{Advance, AdvanceOutcome, CurrentToken};
use service_runtime::api_error::error_chain;
use shared_types::{Fingerprint, SessionId};
use store::MAX_BATCH_SIZE;
use tokio::task::JoinSet;

use crate::store::{Store, advance, now, session};

test_support::on_both_engines! {
    Store:
    a_session_advances_one_generation_at_a_time,
    concurrent_calls_advance_a_session_once,
    concurrent_calls_are_judged_independently,
    many_sessions_advance_concurrently,
    replicas_that_advance_the_same_sessions_do_not_deadlock,
}

async fn a_session_advances_one_generation_at_a_time(store: Store) {
    let [here, there] = &store.replicas;
    assert_eq!(here.current(session(1)).await.unwrap(), None);
    let fingerprint = |text: &str| Fingerprint::new(text.to_owned());
    let first = Advance {
        fingerprint: fingerprint("fp2.now"),
        first_fingerprint: fingerprint("fp2.first"),
        ..advance(session(1), 0, now())
    };
    assert_eq!(here.advance(first.clone()).await.unwrap(), advanced(0));
    let current = CurrentToken {
        generation: 1,
        advanced_at: now(),
        expires_at: now() + TimeDelta::hours(1),
        fingerprint: fingerprint("fp2.now"),
        first_fingerprint: fingerprint("fp2.first"),
        shown: false,
    };
    assert_eq!((first.next(), there.current(session(1)).await.unwrap()), (current.clone(), Some(current)));
    let later = now() + TimeDelta::seconds(1);
    let stale = advance(session(1), 0, later);
    assert_eq!(there.advance(stale.clone()).await.unwrap(), AdvanceOutcome::Current(first.next()));
    let second = advance(session(1), 1, later);
    assert_eq!(there.advance(second.clone()).await.unwrap(), advanced(1));
    for stale in [stale, second.clone()] {
        assert_eq!(here.advance(stale).await.unwrap(), AdvanceOutcome::Current(second.next()));
    }
    assert_eq!(here.advance(advance(session(2), 0, later)).await.unwrap(), advanced(0));
}

async fn concurrent_calls_advance_a_session_once(store: Store) {
    for generation in 0..20 {
        let call = advance(session(1), generation, now());
        let mut calls = JoinSet::new();
        for replica in store.replicas.iter().cycle().take(16) {
            let (replica, call) = (replica.clone(), call.clone());
            calls.spawn(async move { replica.advance(call).await.unwrap() });
        }
        let outcomes = calls.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| **outcome == advanced(generation)).count(), 1);
        let current = AdvanceOutcome::Current(call.next());
        assert!(
            outcomes.iter().all(|outcome| [&advanced(generation), &current].contains(&outcome)),
            "{outcomes:?}"
        );
    }
}

async fn concurrent_calls_are_judged_independently(store: Store) {
    let [here, _] = &store.replicas;
    for generation in 0..10 {
        here.advance(advance(session(1), generation, now())).await.unwrap();
    }
    // The first call is a batch of its own; the others share batches, with the newest generation among older ones.
    for newest in 10..20 {
        let mut calls = JoinSet::new();
        for generation in (0..=newest).chain([newest]) {
            let here = here.clone();
            let call = advance(session(1), generation, now());
            calls.spawn(async move { (generation, here.advance(call).await.unwrap()) });
        }
        let outcomes = calls.join_all().await;
        let [old, new] = [newest - 1, newest]
            .map(|generation| AdvanceOutcome::Current(advance(session(1), generation, now()).next()));
        let winners: Vec<_> = outcomes.iter().filter(|(_, outcome)| *outcome == advanced(newest)).collect();
        assert_eq!(winners, [&(newest, advanced(newest))]);
        for (generation, outcome) in &outcomes {
            match *generation == newest {
                true => assert!([&advanced(newest), &new].contains(&outcome), "{generation}: {outcome:?}"),
                false => assert!([&old, &new].contains(&outcome), "{generation}: {outcome:?}"),
            }
        }
    }
}

async fn many_sessions_advance_concurrently(store: Store) {
    for generation in 0..3 {
        let mut calls = JoinSet::new();
        for n in 0..500 {
            let here = store.replicas[0].clone();
            calls.spawn(async move { here.advance(advance(numbered(n), generation, now())).await.unwrap() });
        }
        assert!(calls.join_all().await.into_iter().all(|outcome| outcome == advanced(generation)));
    }
    assert_eq!(store.count("SELECT COUNT(*) FROM sessions WHERE generation = 3").await, 500);
}

/// Each replica in the reverse order of the other.
async fn replicas_that_advance_the_same_sessions_do_not_deadlock(store: Store) {
    const SESSIONS: u32 = 200;
    for generation in 0..5 {
        let mut calls = JoinSet::new();
        for n in 0..SESSIONS {
            let pair = store.replicas.clone().into_iter().zip([n, SESSIONS - 1 - n]);
            for (replica, n) in pair {
                let call = advance(numbered(n), generation, now());
                calls.spawn(async move { replica.advance(call).await.unwrap() });
            }
        }
        let outcomes = calls.join_all().await;
        let winners = outcomes.into_iter().filter(|outcome| *outcome == advanced(generation)).count();
        assert_eq!(winners, usize::try_from(SESSIONS).unwrap());
    }
}

fn advanced(replaced: u32) -> AdvanceOutcome {
    AdvanceOutcome::Advanced { replaced }
}

/// Ids in random order.
pub(crate) fn numbered(n: u32) -> SessionId {
    let mut bytes = [7; 16];
    bytes[..4].copy_from_slice(&n.wrapping_mul(0x9E37_79B9).to_be_bytes());
    SessionId::from_random(bytes)
}

/// On one thread, and while another process holds the write lock, so that all calls wait before the first gets its
/// result.
#[tokio::test]
async fn concurrent_advances_share_commits() {
    let store = Store::on_sqlite().await;
    let mut other = store.connection().await;
    other.execute("BEGIN IMMEDIATE").await;
    let before = commits(&store);
    let mut calls = JoinSet::new();
    for n in 0..500 {
        let here = store.replicas[0].clone();
        calls.spawn(async move { here.advance(advance(numbered(n), 0, now())).await.unwrap() });
        tokio::task::yield_now().await;
    }
    other.execute("COMMIT").await;
    calls.join_all().await;
    assert_eq!(commits(&store) - before, 500_usize.div_ceil(MAX_BATCH_SIZE));
}

/// The journal's commit frames: those that hold the length of the file after the commit.
fn commits(store: &Store) -> usize {
    let journal = std::fs::read(format!("{}-wal", store.url.strip_prefix("sqlite:").unwrap())).unwrap();
    let page = usize::try_from(u32::from_be_bytes(journal[8..12].try_into().unwrap())).unwrap();
    journal[32..].chunks(24 + page).filter(|frame| frame[4..8] != [0; 4]).count()
}

#[tokio::test]
async fn a_failed_commit_fails_its_batch_and_later_calls_succeed() {
    let store = Store::on_sqlite().await;
    let mut connection = store.connection().await;
    connection.execute("ALTER TABLE sessions RENAME TO away").await;
    let mut calls = JoinSet::new();
    for n in 0..10 {
        let here = store.replicas[0].clone();
        calls.spawn(async move { here.advance(advance(numbered(n), 0, now())).await });
    }
    for failed in calls.join_all().await {
        let error = error_chain(&failed.unwrap_err());
        assert!(
            error.starts_with("the sessions' database failed: ") && error.contains("no such table"),
            "{error}"
        );
    }
    connection.execute("ALTER TABLE away RENAME TO sessions").await;
    assert_eq!(store.replicas[0].advance(advance(session(1), 0, now())).await.unwrap(), advanced(0));
    store.replicas[0].close().await;
    assert!(store.replicas[0].advance(advance(session(1), 1, now())).await.is_err());
}
