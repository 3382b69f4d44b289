//! A follower of the revocations sees every one, however many are concurrent.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use scoped_auth::{
    revocations::{Revocation, RevocationTarget},
    store::StoreError,
};
use shared_types::{AccountSid, DeploymentKey, Identity};
use tokio::task::JoinSet;

use crate::store::{Store, account, end, now, session};

test_support::on_both_engines! {
    Store:
    a_follower_reads_all_concurrent_revocations,
    duplicate_revocations_are_stored_twice,
    every_subject_round_trips,
    an_unknown_row_format_is_an_error,
}

const REVOKERS: u128 = 16;
const EACH: u128 = 20;

async fn a_follower_reads_all_concurrent_revocations(store: Store) {
    let done = Arc::new(AtomicBool::new(false));
    let (followed, ended) = (store.replicas[1].clone(), done.clone());
    // Reads continuously from the last id that it has seen.
    let follower = tokio::spawn(async move {
        let (mut last, mut seen, mut looks) = (0, Vec::new(), 0);
        loop {
            // Checked before the read: what is stored by then must be found by it.
            let is_last_look = ended.load(Ordering::SeqCst);
            for (id, revocation) in followed.revocations(last, 7).await.unwrap() {
                assert_eq!(id, last + 1, "a revocation was skipped");
                last = id;
                seen.push(revocation.target);
            }
            looks += 1;
            if is_last_look && seen.len() as u128 == REVOKERS * EACH {
                return (seen, looks);
            }
            assert!(
                !is_last_look || followed.revocations(last, 1).await.unwrap().len() == 1,
                "some are missing"
            );
        }
    });
    let mut revokers = JoinSet::new();
    for revoker in 0..REVOKERS {
        let replica = store.replicas[usize::try_from(revoker % 2).unwrap()].clone();
        revokers.spawn(async move {
            for n in 0..EACH {
                replica.revoke(account(revoker * EACH + n), now(), end()).await.unwrap();
            }
        });
    }
    revokers.join_all().await;
    done.store(true, Ordering::SeqCst);
    let (seen, looks) = follower.await.unwrap();
    assert!(looks > 3, "the follower started too late to observe the writes");
    assert_eq!(seen.iter().collect::<HashSet<_>>().len() as u128, REVOKERS * EACH);
}

async fn duplicate_revocations_are_stored_twice(store: Store) {
    for replica in &store.replicas {
        replica.revoke(account(1), now(), end()).await.unwrap();
    }
    let kept = store.replicas[0].revocations(0, 10).await.unwrap();
    assert_eq!(kept.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((kept[0].1.target, kept[0].1.revoked_at, kept[0].1.forget_at), (account(1), now(), end()));
}

async fn every_subject_round_trips(store: Store) {
    let subjects = [
        RevocationTarget::Session(session(1)),
        RevocationTarget::Identity(AccountSid::from_bits(2), Identity::from_random([3; 16])),
        RevocationTarget::Deployment(DeploymentKey::from_bits(4)),
        account(5),
    ];
    for subject in subjects {
        store.replicas[0].revoke(subject, now(), end()).await.unwrap();
    }
    let kept = store.replicas[1].revocations(0, 10).await.unwrap();
    let expected =
        subjects.map(|subject| Revocation { target: subject, revoked_at: now(), forget_at: end() });
    assert_eq!(kept, (1..).zip(expected).collect::<Vec<_>>());
}

async fn an_unknown_row_format_is_an_error(store: Store) {
    let sid = AccountSid::from_bits(1);
    let insert = "INSERT INTO revocations (id, kind, subject, revoked_at, forget_at) VALUES (1, ";
    for (kind, subject) in
        [("other", sid.to_string()), ("account", "AC1".to_owned()), ("account", format!("{sid} 1"))]
    {
        let row = format!("{insert}'{kind}', '{subject}', 1767323045678, 3)");
        store.connection().await.execute(&row).await;
        let read = store.replicas[0].revocations(0, 10).await;
        assert!(matches!(read, Err(StoreError::Malformed(_))), "{kind} {subject}: {read:?}");
        store.connection().await.execute("DELETE FROM revocations").await;
    }
}
