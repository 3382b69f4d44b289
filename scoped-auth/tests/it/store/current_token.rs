//! The current token of a session: reissued, marked as presented, and refreshed concurrently.

use std::time::Duration;

use chrono::TimeDelta;
use scoped_auth::{
    sessions::judgement::Binding,
    sessions::{RefreshOutcome, Rules, Sessions},
    store::CurrentToken,
};
use shared_types::Fingerprint;
use tokio::task::JoinSet;

use crate::store::{Store, advance, claims, generations::numbered, now, session};

pub(crate) const RULES: Rules = Rules {
    session_max: Duration::from_secs(24 * 3600),
    grace: Duration::from_secs(60),
    resume_window: Duration::from_secs(3600),
    staleness: Duration::from_secs(3600),
    revocation_retention: Duration::from_secs(30 * 24 * 3600),
    store_timeout: Duration::from_secs(10),
};

test_support::on_both_engines! {
    Store:
    parallel_refreshes_of_one_token_have_one_successor,
    a_token_newer_than_the_row_advances_from_its_generation,
    repeats_of_the_current_token_are_counted,
    the_current_token_is_reissued_until_it_was_presented,
    only_the_current_generation_is_marked_as_presented,
    replicas_that_mark_and_advance_the_same_sessions_do_not_deadlock,
}

async fn parallel_refreshes_of_one_token_have_one_successor(store: Store) {
    let [here, there] = &store.replicas;
    let [here, there] = [here, there].map(|store| Sessions::open(store.clone(), RULES, now()));
    let replicas = [here.await.unwrap(), there.await.unwrap()];
    let mut presented = claims(1);
    for generation in 0..3 {
        let mut calls = JoinSet::new();
        for (n, replica) in replicas.iter().cycle().take(64).enumerate() {
            let (replica, presented) = (replica.clone(), presented.clone());
            // Each at another time, with another expiry and another browser.
            let at = now() + TimeDelta::milliseconds(i64::try_from(n).unwrap());
            let fingerprint = Fingerprint::new(format!("fp2.{n}"));
            calls.spawn(async move {
                let binding = Binding { fingerprint, first_fingerprint: None };
                replica.refresh(&presented, binding, at + TimeDelta::hours(1), at).await.unwrap()
            });
        }
        let outcomes = calls.join_all().await;
        let mut advanced = 0;
        let mut repeats = Vec::new();
        let mut successors: Vec<CurrentToken> = Vec::new();
        for outcome in outcomes {
            match outcome {
                RefreshOutcome::Advanced { token, restored } => {
                    assert!(!restored);
                    advanced += 1;
                    successors.push(token);
                }
                RefreshOutcome::Repeated { token, repeats: count } => {
                    repeats.push(count);
                    successors.push(token);
                }
                RefreshOutcome::Reissued(_) | RefreshOutcome::Expired | RefreshOutcome::Reused => {
                    panic!("{outcome:?}")
                }
            }
        }
        repeats.sort_unstable();
        assert_eq!((advanced, repeats), (1, (1..=63).collect()));
        let successors: Vec<_> = successors.iter().map(|token| token.claims(&presented)).collect();
        assert!(
            successors.iter().all(|claims| *claims == successors[0]),
            "one jti and one exp: {successors:?}"
        );
        assert_eq!(successors[0].generation, generation + 1);
        presented = successors[0].clone();
    }
}

async fn a_token_newer_than_the_row_advances_from_its_generation(store: Store) {
    let [here, there] = &store.replicas;
    here.advance(advance(session(1), 0, now())).await.unwrap();
    // In one batch with older ones.
    let mut calls = JoinSet::new();
    for generation in [0, 7, 1, 7, 3] {
        let there = there.clone();
        calls.spawn(async move { there.advance(advance(session(1), generation, now())).await.unwrap() });
    }
    calls.join_all().await;
    assert_eq!(here.current(session(1)).await.unwrap(), Some(advance(session(1), 7, now()).next()));
}

async fn repeats_of_the_current_token_are_counted(store: Store) {
    let [here, there] = &store.replicas;
    let first = advance(session(1), 0, now());
    here.advance(first.clone()).await.unwrap();
    assert_eq!(here.repeat(session(1), &first.next()).await.unwrap(), Some(1));
    assert_eq!(there.repeat(session(1), &first.next()).await.unwrap(), Some(2));
    let another = CurrentToken { advanced_at: now() + TimeDelta::milliseconds(1), ..first.next() };
    assert_eq!(here.repeat(session(1), &another).await.unwrap(), None, "issued at another time");
    let second = advance(session(1), 1, now());
    there.advance(second.clone()).await.unwrap();
    assert_eq!(here.repeat(session(1), &first.next()).await.unwrap(), None, "replaced");
    assert_eq!(
        here.repeat(session(1), &second.next()).await.unwrap(),
        Some(1),
        "each session is counted separately"
    );
    assert_eq!(here.repeat(session(2), &second.next()).await.unwrap(), None);
}

async fn the_current_token_is_reissued_until_it_was_presented(store: Store) {
    let [here, there] = &store.replicas;
    let first = advance(session(1), 0, now());
    here.advance(first.clone()).await.unwrap();
    here.repeat(session(1), &first.next()).await.unwrap();
    let lost = first.next();
    let anew = CurrentToken {
        advanced_at: now() + TimeDelta::seconds(61),
        expires_at: now() + TimeDelta::hours(2),
        fingerprint: Fingerprint::new("fp2.now".to_owned()),
        first_fingerprint: Fingerprint::new("fp2.first".to_owned()),
        ..lost.clone()
    };
    // Only one of two replicas marks it.
    let others = CurrentToken { expires_at: now(), ..anew.clone() };
    let (one, other) =
        tokio::join!(here.reissue(session(1), &lost, &anew), there.reissue(session(1), &lost, &others));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert!(one != other, "{one}, {other}");
    let anew = if one { anew } else { others };
    assert_eq!(here.current(session(1)).await.unwrap(), Some(anew.clone()));
    assert_eq!(there.repeat(session(1), &anew).await.unwrap(), Some(1), "repeats are counted from zero");
    here.mark_shown(&[(session(1), 1)]).await.unwrap();
    let later = CurrentToken { advanced_at: now() + TimeDelta::seconds(200), ..anew.clone() };
    assert!(!there.reissue(session(1), &anew, &later).await.unwrap(), "the mark is stored");
    assert_eq!(there.current(session(1)).await.unwrap(), Some(CurrentToken { shown: true, ..anew }));
}

async fn only_the_current_generation_is_marked_as_presented(store: Store) {
    let [here, there] = &store.replicas;
    for n in 1..=3 {
        here.advance(advance(session(n), 0, now())).await.unwrap();
        here.advance(advance(session(n), 1, now())).await.unwrap();
    }
    let shown = async |n| there.current(session(n)).await.unwrap().unwrap().shown;
    let without_a_row = session(9);
    here.mark_shown(&[(session(1), 2), (session(2), 1), (session(3), 3), (without_a_row, 1)]).await.unwrap();
    assert_eq!([shown(1).await, shown(2).await, shown(3).await], [true, false, false]);
    there.mark_shown(&[(session(1), 1), (session(1), 2), (session(1), 2), (session(2), 2)]).await.unwrap();
    assert_eq!([shown(1).await, shown(2).await, shown(3).await], [true, true, false]);
    here.advance(advance(session(1), 2, now())).await.unwrap();
    assert!(!shown(1).await, "the successor is not marked");
    here.mark_shown(&[]).await.unwrap();
}

/// Each batch in another order, which would deadlock if rows were not locked in one order.
async fn replicas_that_mark_and_advance_the_same_sessions_do_not_deadlock(store: Store) {
    const SESSIONS: u32 = 200;
    let marks = |generation: u32| (0..SESSIONS).map(move |n| (numbered(n), generation)).collect::<Vec<_>>();
    for generation in 0..20 {
        let mut calls = JoinSet::new();
        for n in 0..SESSIONS {
            let pair = store.replicas.clone().into_iter().zip([n, SESSIONS - 1 - n]);
            for (replica, n) in pair {
                let call = advance(numbered(n), generation, now());
                calls.spawn(async move { drop(replica.advance(call).await.unwrap()) });
            }
        }
        for (n, replica) in store.replicas.iter().cycle().take(8).enumerate() {
            let (replica, mut marks) = (replica.clone(), marks(generation));
            marks.rotate_left(n * 23);
            if n % 3 == 0 {
                marks.reverse();
            }
            calls.spawn(async move { replica.mark_shown(&marks).await.unwrap() });
        }
        calls.join_all().await;
    }
    store.replicas[0].mark_shown(&marks(20)).await.unwrap();
    let shown = "SELECT COUNT(*) FROM sessions WHERE shown = 1 AND generation = 20";
    assert_eq!(store.count(shown).await, i64::from(SESSIONS));
}
