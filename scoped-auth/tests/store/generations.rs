//! A session moves from one generation to the next exactly once, whoever asks and wherever.

use chrono::TimeDelta;
use scoped_auth::store::{Moved, Newest};
use tokio::task::JoinSet;

use crate::{Store, end, now, session};

on_both_engines! {
    Store:
    a_session_moves_one_step_at_a_time,
    of_many_who_move_a_session_at_once_one_does,
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
