//! A session moves from one generation to the next exactly once, whoever asks and wherever.

use chrono::TimeDelta;
use scoped_auth::store::{Moved, Newest};
use service_runtime::{database::TOGETHER, refusal::chain};
use shared_types::SessionId;
use tokio::task::JoinSet;

use crate::{Store, end, now, session};

on_both_engines! {
    Store:
    a_session_moves_one_step_at_a_time,
    of_many_who_move_a_session_at_once_one_does,
    many_generations_of_a_session_at_once_are_each_judged_alone,
    many_sessions_move_at_once,
    replicas_that_move_the_same_sessions_at_once_do_not_lock_each_other_out,
}

async fn a_session_moves_one_step_at_a_time(store: Store) {
    let [here, there] = &store.replicas;
    assert_eq!(here.advance(session(1), 0, now(), end()).await.unwrap(), Moved::Forward);
    let later = now() + TimeDelta::seconds(1);
    let first = Newest { generation: 1, advanced_at: now() };
    assert_eq!(there.advance(session(1), 0, later, end()).await.unwrap(), Moved::Already(first));
    assert_eq!(there.advance(session(1), 1, later, end()).await.unwrap(), Moved::Forward);
    let second = Newest { generation: 2, advanced_at: later };
    for stale in [0, 1] {
        assert_eq!(here.advance(session(1), stale, later, end()).await.unwrap(), Moved::Already(second));
    }
    assert_eq!(here.advance(session(2), 0, later, end()).await.unwrap(), Moved::Forward);
}

async fn of_many_who_move_a_session_at_once_one_does(store: Store) {
    for generation in 0..20 {
        let mut calls = JoinSet::new();
        for replica in store.replicas.iter().cycle().take(16) {
            let replica = replica.clone();
            calls.spawn(async move { replica.advance(session(1), generation, now(), end()).await.unwrap() });
        }
        let moved = calls.join_all().await;
        assert_eq!(moved.iter().filter(|moved| **moved == Moved::Forward).count(), 1);
        let already = Moved::Already(Newest { generation: generation + 1, advanced_at: now() });
        assert!(moved.iter().all(|moved| [Moved::Forward, already].contains(moved)), "{moved:?}");
    }
}

async fn many_generations_of_a_session_at_once_are_each_judged_alone(store: Store) {
    let [here, _] = &store.replicas;
    for generation in 0..10 {
        here.advance(session(1), generation, now(), end()).await.unwrap();
    }
    // Who asks first opens a batch of his own; the rest gathers, the newest generation among older ones and some that
    // nobody was given.
    for newest in 10..20 {
        let mut calls = JoinSet::new();
        for generation in (0..=newest).chain([newest]).chain(newest + 10..newest + 20) {
            let here = here.clone();
            calls.spawn(async move {
                (generation, here.advance(session(1), generation, now(), end()).await.unwrap())
            });
        }
        let moved = calls.join_all().await;
        let forward: Vec<_> = moved
            .iter()
            .filter(|(_, moved)| *moved == Moved::Forward)
            .map(|(generation, _)| *generation)
            .collect();
        assert_eq!(forward, [newest]);
        let old = Moved::Already(Newest { generation: newest, advanced_at: now() });
        let new = Moved::Already(Newest { generation: newest + 1, advanced_at: now() });
        for (generation, moved) in moved {
            match generation == newest {
                true => assert!([Moved::Forward, new].contains(&moved), "{generation}: {moved:?}"),
                false => assert!([old, new].contains(&moved), "{generation}: {moved:?}"),
            }
        }
    }
}

async fn many_sessions_move_at_once(store: Store) {
    for generation in 0..3 {
        let mut calls = JoinSet::new();
        for n in 0..500 {
            let here = store.replicas[0].clone();
            calls.spawn(async move { here.advance(numbered(n), generation, now(), end()).await.unwrap() });
        }
        assert!(calls.join_all().await.into_iter().all(|moved| moved == Moved::Forward));
    }
    assert_eq!(store.count("SELECT COUNT(*) FROM sessions WHERE generation = 3").await, 500);
}

/// In the order of one another's sessions.
async fn replicas_that_move_the_same_sessions_at_once_do_not_lock_each_other_out(store: Store) {
    const SESSIONS: u32 = 200;
    for generation in 0..5 {
        let mut calls = JoinSet::new();
        for n in 0..SESSIONS {
            let [here, there] = store.replicas.clone();
            calls.spawn(async move { here.advance(numbered(n), generation, now(), end()).await.unwrap() });
            let n = SESSIONS - 1 - n;
            calls.spawn(async move { there.advance(numbered(n), generation, now(), end()).await.unwrap() });
        }
        let forward = calls.join_all().await.into_iter().filter(|moved| *moved == Moved::Forward).count();
        assert_eq!(forward, usize::try_from(SESSIONS).unwrap());
    }
}

fn numbered(n: u32) -> SessionId {
    let mut bytes = [7; 16];
    // In no order.
    bytes[..4].copy_from_slice(&n.wrapping_mul(0x9E37_79B9).to_be_bytes());
    SessionId::from_random(bytes)
}

/// On one thread, and while another process writes, so that all have asked before the first is answered.
#[tokio::test]
async fn callers_at_once_share_commits() {
    let store = Store::on_sqlite().await;
    let mut other = store.connection().await;
    other.execute("BEGIN IMMEDIATE").await;
    let before = commits(&store);
    let mut calls = JoinSet::new();
    for n in 0..500 {
        let here = store.replicas[0].clone();
        calls.spawn(async move { here.advance(numbered(n), 0, now(), end()).await.unwrap() });
        tokio::task::yield_now().await;
    }
    other.execute("COMMIT").await;
    calls.join_all().await;
    assert_eq!(commits(&store) - before, 500_usize.div_ceil(TOGETHER));
}

/// The frames of the journal that end a commit: those that say how long the file is then.
fn commits(store: &Store) -> usize {
    let journal = std::fs::read(format!("{}-wal", store.url.strip_prefix("sqlite:").unwrap())).unwrap();
    let page = usize::try_from(u32::from_be_bytes(journal[8..12].try_into().unwrap())).unwrap();
    journal[32..].chunks(24 + page).filter(|frame| frame[4..8] != [0; 4]).count()
}

#[tokio::test]
async fn a_failure_is_told_to_all_and_the_next_callers_are_served() {
    let store = Store::on_sqlite().await;
    let mut connection = store.connection().await;
    connection.execute("ALTER TABLE sessions RENAME TO away").await;
    let mut calls = JoinSet::new();
    for n in 0..10 {
        let here = store.replicas[0].clone();
        calls.spawn(async move { here.advance(numbered(n), 0, now(), end()).await });
    }
    for failed in calls.join_all().await {
        let told = chain(&failed.unwrap_err());
        assert!(
            told.starts_with("the sessions' database failed: ") && told.contains("no such table"),
            "{told}"
        );
    }
    connection.execute("ALTER TABLE away RENAME TO sessions").await;
    assert_eq!(store.replicas[0].advance(session(1), 0, now(), end()).await.unwrap(), Moved::Forward);
    store.replicas[0].close().await;
    assert!(store.replicas[0].advance(session(1), 1, now(), end()).await.is_err());
}
