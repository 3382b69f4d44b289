//! Replay protection: a proof is accepted once.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use chrono::TimeDelta;
use orchestrator::dpop::{MAX_SKEW, ProofFailure, ReplayStore};

use crate::dpop::prover::{Prover, Service, now};

#[test]
fn a_proof_is_accepted_once() {
    let (service, prover) = (Service::new(), Prover::new());
    let proof = prover.proof();
    assert!(service.check(&proof).is_ok());
    assert_eq!(service.check(&proof), Err(ProofFailure::Replayed));
    // Signed again, it has the same `jti`.
    assert_eq!(service.check(prover.proof()), Err(ProofFailure::Replayed));
    assert!(service.check(prover.with("jti", "another").proof()).is_ok());
}

#[test]
fn jtis_are_scoped_to_their_key() {
    let service = Service::new();
    assert!(service.check(Prover::new().proof()).is_ok());
    assert!(service.check(Prover::new().proof()).is_ok());
}

#[test]
fn jtis_are_remembered_while_the_proof_is_fresh() {
    // Made by a clock that is ahead, a proof is fresh the longest: from the maximum lead to the maximum age.
    let proof = Prover::new().proof();
    for step in [1, 7, 30, 59] {
        let mut service = Service::new().later(-MAX_SKEW);
        assert!(service.check(&proof).is_ok());
        while service.now <= now() + MAX_SKEW {
            assert_eq!(service.check(&proof), Err(ProofFailure::Replayed), "{}", service.now);
            // Other traffic advances the store.
            let other = Prover::new().with("iat", service.now.timestamp()).proof();
            assert!(service.check(other).is_ok());
            service.now += TimeDelta::seconds(step);
        }
        assert_eq!(service.check(&proof), Err(ProofFailure::Age));
    }
}

#[test]
fn jtis_expire() {
    let mut service = Service::new();
    for _ in 0..1000 {
        assert!(service.check(Prover::new().with("iat", service.now.timestamp()).proof()).is_ok());
        service.now += TimeDelta::seconds(1);
    }
    // At most 300 seconds of proofs, in the shards that have received any since.
    assert!(service.replays.remembered() < 500, "{}", service.replays.remembered());
}

#[test]
fn jtis_of_rejected_proofs_are_not_remembered() {
    let (service, prover) = (Service::new(), Prover::new());
    let proof = prover.proof();
    let (signed, _) = proof.rsplit_once('.').unwrap();
    let unsigned = format!("{signed}.{}", "A".repeat(86));
    assert_eq!(service.check(unsigned), Err(ProofFailure::Signature));
    assert_eq!(Service { method: "GET", ..Service::new() }.check(&proof), Err(ProofFailure::Method));
    assert_eq!(service.replays.remembered(), 0);
    assert!(service.check(&proof).is_ok());
}

#[test]
fn a_full_replay_store_rejects_new_proofs() {
    let mut service = Service { replays: ReplayStore::with_capacity(16), ..Service::new() };
    let prover = Prover::new();
    let proof = prover.proof();
    assert!(service.check(&proof).is_ok());
    let refused = (0..200)
        .filter(|n| {
            let other = Prover::new().with("jti", n.to_string()).proof();
            match service.check(other) {
                Ok(_) => false,
                Err(reason) => {
                    assert_eq!(reason, ProofFailure::TooMany);
                    true
                }
            }
        })
        .count();
    assert!(refused >= 184, "{refused}");
    assert!(service.replays.remembered() <= 16);
    // Known proofs stay known, and capacity returns with time.
    assert_eq!(service.check(&proof), Err(ProofFailure::Replayed));
    service.now += MAX_SKEW * 2 + TimeDelta::seconds(15);
    let next = prover.with("iat", service.now.timestamp()).with("jti", "next");
    assert!(service.check(next.proof()).is_ok());
}

#[test]
fn concurrent_replays_are_accepted_once() {
    const THREADS: usize = 4;
    let service = Service::new();
    for _ in 0..50 {
        let (proof, start, taken) = (Prover::new().proof(), Barrier::new(THREADS), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    taken.fetch_add(usize::from(service.check(&proof).is_ok()), Ordering::SeqCst);
                });
            }
        });
        assert_eq!(taken.into_inner(), 1);
    }
}
